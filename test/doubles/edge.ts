import { randomBytes } from 'node:crypto';
import {
  DEFAULT_LIMITS,
  type HostnameEntry,
  type IdentityEntry,
  keyOf,
  type Limits,
  type OriginTarget,
  type SnapshotEntry,
  type SslMode,
  type ZoneSettings,
} from '../../src/core/mod.ts';
import { type AddressRange, Edge, type EdgeOptions } from '../../src/edge/mod.ts';
import type { AccessRecord } from '../../src/observe/mod.ts';
import { AccessLog } from '../../src/observe/mod.ts';
import { type ResolveName, systemAddresses, systemResolve } from '../../src/platform/mod.ts';
import { MemoryCounters } from '../../src/waf/mod.ts';
import { deriveTicketKeys, type IssuedCertificate, type Issuer } from '../../src/x509/mod.ts';
import { makeCa, makeServer } from './certificates.ts';
import { SILENT } from './control-plane.ts';

/** The zone of every test edge. */
export const ZONE = 'a.test';
export const ZONE_ID = 'z1';

/** What a test edge's zone says. */
export interface Policy {
  ssl?: SslMode;
  global?: boolean;
  zone?: boolean;
  settings?: Partial<ZoneSettings>;
  /** Rulesets, lists and other rules. */
  rules?: readonly SnapshotEntry[];
  identities?: Readonly<Record<string, { level: 'hostname' | 'zone' | 'global'; pair: IssuedCertificate }>>;
  /** By label below the zone; `{ port }` stands for 127.0.0.1. */
  hosts: Readonly<
    Record<
      string,
      { port: number; httpPort?: number; association?: string; disabled?: boolean } & Partial<OriginTarget>
    >
  >;
}

/** A data plane without a control plane: private keys are not sealed, and visitor certificates are there or not. */
export function makeEdge(
  limits: Partial<Limits>,
  onRecord: (record: AccessRecord) => void,
  unseal: (sealed: string) => string = (sealed) => sealed,
  balancers: readonly AddressRange[] = [],
  resolve: ResolveName = systemResolve,
  requestCertificate: EdgeOptions['requestCertificate'] = async () => false,
  waf: Partial<Pick<EdgeOptions, 'rateCounters' | 'wafFailure' | 'findPlace' | 'proveOrigin'>> = {},
): Edge {
  return new Edge({
    limits: { ...DEFAULT_LIMITS, linger: 200, ...limits },
    clock: { now: () => performance.timeOrigin + performance.now() },
    raySeed: randomBytes(8),
    site: 'TST',
    randomBytes,
    wafFailure: 'closed',
    findPlace: null,
    rateCounters: new MemoryCounters(() => performance.timeOrigin + performance.now()),
    unseal,
    requestCertificate,
    deriveTicketKeys,
    log: new AccessLog((lines, taken) => {
      for (const line of lines.trim().split('\n')) onRecord(JSON.parse(line) as AccessRecord);
      taken();
    }),
    logger: SILENT,
    balancers,
    resolve,
    localAddresses: systemAddresses,
    proveOrigin: null,
    ...waf,
  });
}

/** An edge with a policy that can be changed, on loopback. */
export class TestEdge {
  readonly edge: Edge;
  readonly root: Issuer;
  readonly records: AccessRecord[] = [];
  #rules: readonly SnapshotEntry[] = [];
  #https = 0;
  #http = 0;
  #number = 0;
  #servers = new Map<string, IssuedCertificate>();

  constructor(
    root: Issuer,
    limits: Partial<Limits>,
    balancers: readonly AddressRange[] = [],
    resolve?: ResolveName,
    waf: Partial<Pick<EdgeOptions, 'rateCounters' | 'wafFailure' | 'findPlace' | 'proveOrigin'>> = {},
  ) {
    this.root = root;
    this.edge = makeEdge(limits, (record) => this.records.push(record), undefined, balancers, resolve, undefined, waf);
  }

  get httpsPort(): number {
    return this.#https;
  }

  get httpPort(): number {
    return this.#http;
  }

  /** Applies a policy, as a change on the one before. */
  async apply(policy: Policy): Promise<void> {
    for (const label of Object.keys(policy.hosts)) {
      const name = `${label}.${ZONE}`;
      if (!this.#servers.has(name)) this.#servers.set(name, await makeServer(this.root, name));
    }
    const rules = policy.rules ?? [];
    const kept = new Set(rules.map(keyOf));
    const deletes = this.#rules.map(keyOf).filter((key) => !kept.has(key));
    this.#rules = rules;
    const entries = [...this.#entries(policy), ...rules];
    if (this.#number === 0) this.edge.load({ number: 1, entries });
    else this.edge.apply({ from: this.#number, to: this.#number + 1, upserts: entries, deletes });
    this.#number++;
  }

  async listen(): Promise<void> {
    this.#https = (await this.edge.listenHttps({ host: '127.0.0.1', port: 0 })).port;
    this.#http = (await this.edge.listenHttp({ host: '127.0.0.1', port: 0 })).port;
  }

  /** The access records so far. */
  log(): readonly AccessRecord[] {
    this.edge.log?.flush();
    return this.records;
  }

  /** The access records since the last call. */
  takeLog(): AccessRecord[] {
    this.edge.log?.flush();
    return this.records.splice(0);
  }

  #entries(policy: Policy): SnapshotEntry[] {
    const identities = Object.entries(policy.identities ?? {});
    return [
      {
        kind: 'installation',
        sharedIdentityId: identities.find(([, { level }]) => level === 'global')?.[0] ?? '',
        root: this.root.certificate,
      },
      {
        kind: 'zone',
        id: ZONE_ID,
        name: ZONE,
        accountId: 'acc',
        ssl: policy.ssl ?? 'full',
        tlsClientAuth: policy.global ?? false,
        originTlsClientAuth: policy.zone ?? false,
        certificateIds: identities.filter(([, { level }]) => level === 'zone').map(([id]) => id),
        settings: policy.settings ?? {},
      },
      ...identities.map(
        ([id, { level, pair }], i): IdentityEntry => ({
          kind: 'identity',
          id,
          level,
          zoneId: level === 'global' ? null : ZONE_ID,
          status: 'active',
          deployedAt: i + 1,
          uploadedAt: i + 1,
          expiresAt: pair.notAfter,
          certificate: pair.certificate,
          privateKey: pair.privateKey,
        }),
      ),
      ...Object.entries(policy.hosts).map(
        ([label, { port, httpPort, association, disabled, ...origin }]): HostnameEntry => ({
          kind: 'hostname',
          zoneId: ZONE_ID,
          hostname: `${label}.${ZONE}`,
          association:
            association === undefined
              ? null
              : { certId: association, previousCertId: null, enabled: disabled !== true },
          origin: {
            addresses: ['127.0.0.1'],
            httpsPort: port,
            httpPort: httpPort ?? port,
            sni: null,
            hostHeader: null,
            ...origin,
          },
        }),
      ),
      ...[...this.#servers].map(([hostname, { certificate, privateKey, notAfter }]) => ({
        kind: 'server_certificate' as const,
        hostname,
        algorithm: 'ecdsa' as const,
        certificate,
        privateKey,
        expiresAt: notAfter,
      })),
    ];
  }
}

/** Starts an edge on loopback with a policy. */
export async function startEdge(
  policy: Policy,
  limits: Partial<Limits> = {},
  balancers: readonly AddressRange[] = [],
  resolve?: ResolveName,
  waf: Partial<Pick<EdgeOptions, 'rateCounters' | 'wafFailure' | 'findPlace' | 'proveOrigin'>> = {},
): Promise<TestEdge> {
  const testEdge = new TestEdge(await makeCa('Test root'), limits, balancers, resolve, waf);
  await testEdge.apply(policy);
  await testEdge.listen();
  return testEdge;
}
