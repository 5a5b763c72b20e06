import { X509Certificate } from 'node:crypto';
import {
  type Delta,
  type EntryKey,
  type HostnameEntry,
  type IdentityEntry,
  keyOf,
  type Level,
  resolve,
  type Scheme,
  type SnapshotEntry,
  SnapshotIndex,
  type SslMode,
  type ZoneEntry,
  zoneSetting,
} from '../../../src/core/mod.ts';
import type { IssuedCertificate, Issuer } from '../../../src/x509/mod.ts';
import { makeCa, makeClient, makeServer } from '../../doubles/certificates.ts';
import type { Draw } from '../../doubles/random.ts';

/** Where the origins of all hostnames are. */
export interface OriginPorts {
  readonly tls12: number;
  readonly tls13: number;
  /** TLS 1.3, without HTTP/2. */
  readonly http1: number;
  readonly plain: number;
}

const ZONES: readonly [name: string, ssl: SslMode][] = [
  ['a.test', 'full'],
  ['b.test', 'strict'],
  ['c.test', 'origin_pull'],
];
const LABELS = ['www', 'api', 'shop', 'img', 'old'];
/** Server names that hostnames of all zones share. */
const SERVER_NAMES = [null, 'origin.test', 'other.test'];
/** Whom an origin sees where the client certificate cannot be used: nobody. */
export const UNAVAILABLE = 'unavailable';
/** Whom an origin sees of a gRPC call where it offers no HTTP/2: nobody. */
export const NO_HTTP2 = 'no http2';
/** Stands for a private key that does not open. */
export const BROKEN_KEY = 'broken';
const SPARE = 8;

/**
 * Zones, hostnames and client identities that change at random, and what is right at each moment: core's `resolve()`
 * over the same entries that the edge got.
 */
export class World {
  readonly hostnames: readonly string[] = ZONES.flatMap(([zone]) => LABELS.map((label) => `${label}.${zone}`));
  readonly server: IssuedCertificate;
  readonly root: Issuer;
  readonly index = new SnapshotIndex();
  readonly #draw: Draw;
  readonly #ca: Issuer;
  readonly #ports: OriginPorts;
  readonly #fingerprints = new Map<string, string>();
  /** Certificates that no identity has yet. */
  readonly #spare: IssuedCertificate[] = [];
  #made = 0;
  #time = 1;

  private constructor(draw: Draw, root: Issuer, ca: Issuer, server: IssuedCertificate, ports: OriginPorts) {
    this.#draw = draw;
    this.root = root;
    this.#ca = ca;
    this.server = server;
    this.#ports = ports;
  }

  /** A world with some identities of every level. `origins` starts the origins with the server certificate of all. */
  static async make(draw: Draw, origins: (server: IssuedCertificate) => Promise<OriginPorts>): Promise<World> {
    const root = await makeCa('Root');
    const names = ZONES.flatMap(([zone]) => LABELS.map((label) => `${label}.${zone}`));
    const server = await makeServer(root, ...names, ...SERVER_NAMES.filter((name) => name !== null));
    const world = new World(draw, root, await makeCa('Client CA'), server, await origins(server));
    await world.restock(40);
    world.index.load({ number: 1, entries: world.#firstEntries() });
    return world;
  }

  /** Number of identities made so far. */
  get identities(): number {
    return this.#made;
  }

  /** Whom the origin must see for a request now: a fingerprint, `none`, `plain`, or why there is no pull at all. */
  rightNow(hostname: string, scheme: Scheme, isGrpc = false): string {
    const { identity, originScheme, zone } = resolve(this.index, hostname, scheme);
    if (originScheme === 'http') return isGrpc ? NO_HTTP2 : 'plain';
    if (identity?.privateKey === BROKEN_KEY) return UNAVAILABLE;
    if (isGrpc && this.index.originOf(zone!.id, hostname)!.origin!.httpsPort === this.#ports.http1) return NO_HTTP2;
    return identity === null ? 'none' : this.#fingerprints.get(identity.id)!;
  }

  /** Makes certificates, so that the next changes have some. */
  async restock(count = SPARE): Promise<void> {
    while (this.#spare.length < count) this.#spare.push(await makeClient(this.#ca, `client ${this.#made}`));
  }

  /** A change of one to three steps, already in force here. */
  change(): { readonly delta: Delta; readonly what: string } {
    const upserts = new Map<EntryKey, SnapshotEntry>();
    const deletes = new Set<EntryKey>();
    const from = this.index.number;
    const steps: string[] = [];
    for (let left = 1 + this.#draw(3); left > 0; left--) {
      const step = this.#step();
      steps.push(step.what);
      for (const entry of step.upserts) {
        upserts.set(keyOf(entry), entry);
        deletes.delete(keyOf(entry));
      }
      for (const key of step.deletes ?? []) {
        deletes.add(key);
        upserts.delete(key);
      }
      const { number } = this.index;
      this.index.apply({ from: number, to: number + 1, upserts: step.upserts, deletes: step.deletes ?? [] });
    }
    const delta = { from, to: this.index.number, upserts: [...upserts.values()], deletes: [...deletes] };
    return { delta, what: steps.join(', ') };
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#draw(list.length)]!;
  }

  #firstEntries(): SnapshotEntry[] {
    const entries: SnapshotEntry[] = [];
    const shared = this.#identity('global', null);
    entries.push(shared, { kind: 'installation', sharedIdentityId: shared.id, root: this.root.certificate });
    for (const [i, [name, ssl]] of ZONES.entries()) {
      const id = `z${i}`;
      const ofZone = [this.#identity('zone', id), this.#identity('zone', id)];
      const ofHostnames = [
        this.#identity('hostname', id),
        this.#identity('hostname', id),
        this.#identity('hostname', id),
      ];
      entries.push(...ofZone, ...ofHostnames, {
        kind: 'zone',
        id,
        name,
        accountId: 'acc',
        ssl,
        tlsClientAuth: true,
        originTlsClientAuth: i !== 2,
        certificateIds: ofZone.map((identity) => identity.id),
        settings: { origin_max_http_version: i === 1 ? '1' : '2' },
      });
      for (const [k, label] of LABELS.entries()) {
        const certId = ofHostnames[k]?.id;
        entries.push({
          kind: 'hostname',
          zoneId: id,
          hostname: `${label}.${name}`,
          association: certId === undefined ? null : { certId, previousCertId: null, enabled: true },
          origin: this.#origin(),
        });
      }
    }
    for (const hostname of this.hostnames) {
      const { certificate, privateKey, notAfter } = this.server;
      entries.push({
        kind: 'server_certificate',
        hostname,
        algorithm: 'ecdsa',
        certificate,
        privateKey,
        expiresAt: notAfter,
      });
    }
    return entries;
  }

  #origin(): HostnameEntry['origin'] {
    return {
      // Nobody listens on the second one of a few: the next address is tried.
      addresses: this.#draw(6) === 0 ? ['127.0.0.9', '127.0.0.1'] : ['127.0.0.1'],
      httpsPort: this.#ports[this.#pick(['tls12', 'tls12', 'tls13', 'tls13', 'http1'] as const)],
      httpPort: this.#ports.plain,
      sni: this.#pick(SERVER_NAMES),
      hostHeader: this.#draw(8) === 0 ? 'origin.test' : null,
    };
  }

  #identity(level: Level, zoneId: string | null, isBroken = false): IdentityEntry {
    const pair = this.#spare.pop()!;
    const id = `i${this.#made++}`;
    this.#fingerprints.set(id, new X509Certificate(pair.certificate).fingerprint256);
    const at = this.#time++;
    return {
      kind: 'identity',
      id,
      level,
      zoneId,
      status: 'active',
      deployedAt: at,
      uploadedAt: at,
      expiresAt: pair.notAfter,
      certificate: pair.certificate,
      privateKey: isBroken ? BROKEN_KEY : pair.privateKey,
    };
  }

  #step(): {
    readonly what: string;
    readonly upserts: readonly SnapshotEntry[];
    readonly deletes?: readonly EntryKey[];
  } {
    const entries = this.index.snapshot().entries;
    const zone = this.#pick(entries.filter((entry): entry is ZoneEntry => entry.kind === 'zone'));
    const host = this.#pick(
      entries.filter((entry): entry is HostnameEntry => entry.kind === 'hostname' && entry.zoneId === zone.id),
    );
    const identities = entries.filter((entry): entry is IdentityEntry => entry.kind === 'identity');
    const ofZone = identities.filter(({ level, zoneId }) => level === 'zone' && zoneId === zone.id);
    const ofHostnames = identities.filter(({ level, zoneId }) => level === 'hostname' && zoneId === zone.id);
    switch (this.#draw(13)) {
      case 0:
        return { what: `global of ${zone.name}`, upserts: [{ ...zone, tlsClientAuth: !zone.tlsClientAuth }] };
      case 1:
        return {
          what: `zone level of ${zone.name}`,
          upserts: [{ ...zone, originTlsClientAuth: !zone.originTlsClientAuth }],
        };
      case 2: {
        const ssl = this.#pick(['full', 'full', 'strict', 'strict', 'origin_pull', 'flexible'] as const);
        return { what: `${zone.name} is ${ssl}`, upserts: [{ ...zone, ssl }] };
      }
      case 3: {
        const made = this.#identity('zone', zone.id);
        const status = this.#draw(3) === 0 ? 'pending_deployment' : 'active';
        const certificateIds = [...zone.certificateIds, made.id];
        return {
          what: `zone certificate ${made.id} (${status})`,
          upserts: [
            { ...made, status },
            { ...zone, certificateIds },
          ],
        };
      }
      case 4: {
        const waiting = identities.filter(({ status }) => status === 'pending_deployment');
        const deployedAt = this.#time++;
        return {
          what: `deployed: ${waiting.map(({ id }) => id)}`,
          upserts: waiting.map((identity) => ({ ...identity, status: 'active', deployedAt })),
        };
      }
      case 5: {
        if (ofZone.length < 2) return { what: 'nothing', upserts: [] };
        const gone = this.#pick(ofZone);
        const certificateIds = zone.certificateIds.filter((id) => id !== gone.id);
        return { what: `deleted ${gone.id}`, upserts: [{ ...zone, certificateIds }], deletes: [keyOf(gone)] };
      }
      case 6: {
        const certId = this.#pick(ofHostnames).id;
        const association = { certId, previousCertId: null, enabled: this.#draw(5) > 0 };
        return { what: `${host.hostname} has ${certId} (${association.enabled})`, upserts: [{ ...host, association }] };
      }
      case 7:
        return { what: `${host.hostname} has none`, upserts: [{ ...host, association: null }] };
      case 8: {
        const made = this.#identity('hostname', zone.id, this.#draw(10) === 0);
        const status = this.#draw(3) === 0 ? 'pending_deployment' : 'active';
        const association = { certId: made.id, previousCertId: host.association?.certId ?? null, enabled: true };
        return {
          what: `${host.hostname} rotates to ${made.id} (${status}${made.privateKey === BROKEN_KEY ? ', broken' : ''})`,
          upserts: [
            { ...made, status },
            { ...host, association },
          ],
        };
      }
      case 9: {
        if (ofHostnames.length < 4) return { what: 'nothing', upserts: [] };
        // Associations that still name it must fall through, never keep it.
        const gone = this.#pick(ofHostnames);
        return { what: `deleted ${gone.id}`, upserts: [], deletes: [keyOf(gone)] };
      }
      case 10: {
        const old = this.index.installation()!;
        const made = this.#identity('global', null);
        return {
          what: `shared certificate ${made.id}`,
          upserts: [made, { ...old, sharedIdentityId: made.id }],
          deletes: [`identity:${old.sharedIdentityId}`],
        };
      }
      case 11: {
        const version = zoneSetting(zone, 'origin_max_http_version') === '2' ? '1' : '2';
        return {
          what: `${zone.name} asks its origins by HTTP/${version} at most`,
          upserts: [{ ...zone, settings: { origin_max_http_version: version } }],
        };
      }
      default:
        return { what: `${host.hostname} moves`, upserts: [{ ...host, origin: this.#origin() }] };
    }
  }
}
