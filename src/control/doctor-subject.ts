import { isIP } from 'node:net';
import {
  ApiError,
  canonicalHostname,
  changedOrigin,
  type IdentityEntry,
  isUsable,
  type OriginTarget,
  originServerName,
  type Resolution,
  resolve,
} from '../core/mod.ts';
import type { DoctorSubject, Endpoint, Pair } from '../origin/mod.ts';
import type { ResolveName } from '../platform/mod.ts';
import type { ZoneRow } from '../store/mod.ts';
import type { DryRun } from '../waf/mod.ts';
import { issueClientCertificate, unseal } from '../x509/mod.ts';
import { type Context, newId } from './context.ts';
import { explainRequest } from './explain-request.ts';
import { issueOptions } from './installation.ts';

/** What an examination is asked to look at beyond what the installation knows. */
export interface ExaminationInput {
  readonly path: string;
  readonly otherNames: readonly string[];
}

/** Other hostnames of the zone that are tried as server names, at most. */
const MAX_OTHER_NAMES = 5;
/** Age of a certificate like another tenant's, in milliseconds. */
const TENANT_AGE = 3 * 86_400_000;
/** An expired certificate ended so long ago, in milliseconds. */
const EXPIRED_FOR = 400 * 86_400_000;

/**
 * What the doctor examines for a hostname: the addresses that the edge would pull from, the certificate that it would present, and what
 * must be refused. Throws `hostname_outside_zone`, `origin_not_found`, and `origin_not_examinable` with the reason.
 */
export async function doctorSubject(
  context: Context,
  zone: ZoneRow,
  hostname: string,
  { path, otherNames }: ExaminationInput,
  resolveName: ResolveName,
): Promise<DoctorSubject> {
  const { index } = context.distribution;
  const name = canonicalHostname(hostname);
  if (name === null || index.zoneOf(name)?.id !== zone.id)
    throw new ApiError('hostname_outside_zone', { message: `${hostname} does not belong to the zone ${zone.name}.` });
  const { route } = await rulesOf(context, name, path);
  const resolution = resolve(index, name, 'https', undefined, route?.ssl ?? null);
  if (resolution.originScheme !== 'https') {
    throw new ApiError('origin_not_examinable', {
      message: `${resolution.reasons.at(-1)?.text} Set the encryption mode to full or strict.`,
    });
  }
  const origin = changedOrigin(index.originOf(zone.id, name)?.origin ?? null, route);
  if (origin === null) throw new ApiError('origin_not_found');
  const { identity, level } = resolution;
  return {
    hostname: origin.hostHeader ?? name,
    serverName: originServerName(origin, name),
    level: level === 'none' ? null : level,
    endpoints: await endpointsOf(origin, resolveName),
    httpPort: origin.httpPort,
    path,
    otherNames: [...new Set([...otherNames, ...neighbours(context, zone, name, origin)])],
    right: identity && pairOf(context, identity),
    previous: pairOrNull(context, otherOfRotation(context, zone, name, resolution)),
    ...(await ofTheInstallation(context, level)),
  };
}

/** What the zone's rules do to the doctor's request: they may send it elsewhere. */
async function rulesOf(context: Context, name: string, path: string): Promise<DryRun> {
  const text = `https://${name}${path}`;
  const asked = {
    url: new URL(text),
    text,
    method: 'GET',
    headers: [],
    address: '192.0.2.1',
    port: undefined,
    now: context.clock.now(),
  };
  return (await explainRequest(context.distribution.index, asked, context.findPlace)).rules;
}

async function endpointsOf({ addresses, httpsPort }: OriginTarget, resolveName: ResolveName): Promise<Endpoint[]> {
  const found = await Promise.all(
    addresses.map(async (address) => {
      if (isIP(address) !== 0) return [address];
      const answer = await resolveName(address).catch((error: Error) => {
        throw notExaminable(`The address of ${address} could not be asked for: ${error.message}.`);
      });
      if (answer.length === 0) throw notExaminable(`${address} has no address: check its DNS records.`);
      return answer.map((one) => one.address);
    }),
  );
  return [...new Set(found.flat())].map((address) => ({ address, port: httpsPort }));
}

function notExaminable(message: string): ApiError {
  return new ApiError('origin_not_examinable', { message });
}

/** Other hostnames of the zone that are pulled from the same addresses: a door beside the one in question. */
function neighbours({ distribution }: Context, zone: ZoneRow, name: string, origin: OriginTarget): string[] {
  const names: string[] = [];
  for (const entry of distribution.index.entries()) {
    if (entry.kind !== 'hostname' || entry.zoneId !== zone.id || entry.hostname === name) continue;
    if (entry.origin === null || entry.hostname.startsWith('*')) continue;
    if (entry.origin.addresses.some((address) => origin.addresses.includes(address)))
      names.push(originServerName(entry.origin, entry.hostname));
    if (names.length === MAX_OTHER_NAMES) break;
  }
  return names;
}

/** The certificate beside the one presented, while one takes the other's place. */
function otherOfRotation(
  { distribution }: Context,
  zone: ZoneRow,
  name: string,
  { identity, level }: Resolution,
): IdentityEntry | undefined {
  const { index } = distribution;
  if (level === 'hostname') {
    const association = index.hostname(zone.id, name)?.association;
    return association && association.certId !== identity?.id ? index.identity(association.certId) : undefined;
  }
  if (level !== 'zone') return undefined;
  return (index.zone(zone.id)?.certificateIds ?? [])
    .filter((id) => id !== identity?.id)
    .map((id) => index.identity(id))
    .filter((entry) => entry !== undefined)
    .filter(({ status }) => isUsable(status) || status === 'pending_deployment')
    .sort((one, other) => other.uploadedAt - one.uploadedAt)[0];
}

/** What must be refused where more than the shared certificate is meant, and what must be refused in any case. */
async function ofTheInstallation(
  context: Context,
  level: Resolution['level'],
): Promise<Pick<DoctorSubject, 'shared' | 'otherTenant' | 'expired'>> {
  const { index } = context.distribution;
  const row = await context.store.db.selectFrom('installation').selectAll().executeTakeFirstOrThrow();
  const ca = {
    certificate: row.origin_pull_certificate,
    privateKey: unseal(context.masterKey, row.origin_pull_key, 'installation:origin-pull'),
  };
  const options = issueOptions(context, row.id);
  const shared = index.identity(row.shared_identity_id);
  return {
    shared: level === 'global' ? null : pairOrNull(context, shared),
    // As old as one in use: a clock that is wrong must not be why it is refused.
    otherTenant: await issueClientCertificate(ca, `tenant-${newId(context.random).slice(0, 8)}`, {
      ...options,
      now: options.now - TENANT_AGE,
    }),
    // The CAs of the other levels are not ours: nobody here could have one made.
    expired:
      level === 'global'
        ? await issueClientCertificate(ca, 'expired', { ...options, now: options.now - EXPIRED_FOR })
        : null,
  };
}

function pairOrNull(context: Context, identity: IdentityEntry | undefined): Pair | null {
  return identity === undefined ? null : pairOf(context, identity);
}

function pairOf({ masterKey }: Context, { id, certificate, privateKey }: IdentityEntry): Pair {
  return { certificate, privateKey: unseal(masterKey, privateKey, `identity:${id}`) };
}
