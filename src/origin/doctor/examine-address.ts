import net from 'node:net';
import { type DoctorAttempt, type DoctorCheck, hostPort } from '../../core/mod.ts';
import { judgeAttempts, type Tried } from './judge-attempts.ts';
import type { Observation, OfferedSession, Probe } from './probe.ts';
import { examineSessions } from './sessions.ts';
import type { Strangers } from './strangers.ts';
import type { DoctorSubject, Endpoint, Pair } from './subject.ts';

export const VERSIONS = ['TLSv1.3', 'TLSv1.2'] as const;
export type Version = (typeof VERSIONS)[number];

/** How one attempt differs from the usual one: TLS, HTTP/1.1, the subject's names, no certificate. */
export interface AttemptOptions {
  readonly tls?: Version | null;
  readonly http?: DoctorAttempt['http'];
  readonly serverName?: string | null;
  readonly host?: string;
  readonly port?: number;
  readonly pair?: Pair | null;
  readonly offered?: OfferedSession | null;
  /** How this attempt is judged, where not by its check alone. */
  readonly judge?: Tried['judge'];
}

/** Makes an attempt and remembers it. Null where the address has stopped answering, and nothing was sent. */
export type Try = (check: DoctorCheck, options?: AttemptOptions) => Promise<Observation | null>;

/** After so many attempts in a row to which nothing came, an address is left alone. */
const PATIENCE = 4;
/** How far the origin's clock may be off before it is worth a word, milliseconds. */
const MOST_SKEW = 300_000;
/** Attempts at one address whatever the subject, and those under each other name, no name included: see `examineSessions`. */
const ALWAYS = 32;
const EACH_NAME = 22;

/** The most attempts that an examination makes. */
export function mostAttempts({ endpoints, otherNames, previous, expired, shared, otherTenant }: DoctorSubject): number {
  const pairs = [previous, expired, shared, otherTenant].filter((pair) => pair !== null);
  return endpoints.length * (ALWAYS + 2 * pairs.length + EACH_NAME * (otherNames.length + 2));
}

/** Tries every door of one address, the right certificate first and last. */
export async function examineAddress(
  endpoint: Endpoint,
  subject: DoctorSubject,
  strangers: Strangers,
  paced: (target: Probe) => Promise<Observation>,
  now: number,
): Promise<{ attempts: DoctorAttempt[]; notes: string[] }> {
  const tried: Tried[] = [];
  const notes = new Set<string>();
  let silent = 0;
  const attempt: Try = async (check, options = {}) => {
    const { tls = 'TLSv1.3', http = 'http/1.1', port = endpoint.port, pair = null, offered = null } = options;
    const serverName = tls === null ? null : options.serverName === undefined ? subject.serverName : options.serverName;
    const asked = options.host ?? subject.hostname;
    const place = {
      check,
      tls,
      http,
      server_name: serverName,
      host: asked,
      address: hostPort(endpoint.address, port),
    };
    const judge = options.judge ?? null;
    if (silent >= PATIENCE && check !== 'plain_http') {
      tried.push({ place, observation: null, reason: 'The address had stopped answering.', judge });
      return null;
    }
    const target = {
      endpoint: { ...endpoint, port },
      tls,
      http,
      serverName,
      host: asked,
      path: subject.path,
      pair,
      offered,
    };
    const observation = await paced(target);
    if (check !== 'plain_http') silent = isSilent(observation) ? silent + 1 : 0;
    const { serverNotAfter, clockSkew } = observation;
    if (clockSkew !== null && Math.abs(clockSkew) > MOST_SKEW) notes.add(skewNote(clockSkew));
    if (serverNotAfter !== null && serverNotAfter < now)
      notes.add(`The origin's own certificate has expired (${new Date(serverNotAfter).toISOString().slice(0, 10)}).`);
    tried.push({ place, observation, reason: null, judge });
    return observation;
  };
  const note = (check: DoctorCheck, tls: Version | null, reason: string, judge: Tried['judge']) => {
    const address = hostPort(endpoint.address, endpoint.port);
    const place = {
      check,
      tls,
      http: 'http/1.1',
      address,
      server_name: subject.serverName,
      host: subject.hostname,
    } as const;
    tried.push({ place, observation: null, reason, judge });
  };
  const skip = (check: DoctorCheck, reason: string) => note(check, null, reason, null);
  const absent = (check: DoctorCheck, tls: Version) =>
    note(check, tls, 'The origin gave out no session to try.', 'absent');
  const seen = (check: DoctorCheck, tls: Version) =>
    tried.find(({ place: { check: c, tls: t, http } }) => c === check && t === tls && http === 'http/1.1')
      ?.observation ?? null;
  const inBoth = async (check: DoctorCheck, options: AttemptOptions) => {
    for (const tls of VERSIONS) await attempt(check, { ...options, tls });
  };
  const withPair = async (check: DoctorCheck, pair: Pair | null, reason: string) => {
    if (pair === null) skip(check, reason);
    else await inBoth(check, { pair });
  };

  const { right, level } = subject;
  const host = net.isIPv6(endpoint.address) ? `[${endpoint.address}]` : endpoint.address;
  await withPair('right', right, 'No certificate was named.');
  if (right !== null) await inBoth('right', { pair: right, http: 'h2' });
  if (subject.previous !== null) await inBoth('right_old', { pair: subject.previous });
  await inBoth('none', {});
  await inBoth('none', { http: 'h2' });
  await inBoth('self_signed', { pair: strangers.selfSigned });
  for (const pair of strangers.sameSubject) await inBoth('same_subject', { pair });
  await withPair('expired', subject.expired, 'There is no expired certificate of the right CA to try.');
  await withPair(
    'shared',
    level === 'global' ? null : subject.shared,
    level === 'global' ? 'At the global level it is the right one.' : 'No shared certificate was named.',
  );
  await withPair('other_tenant', subject.otherTenant, 'No certificate of another tenant was named.');
  await inBoth('upper_case_name', { serverName: subject.serverName.toUpperCase() });
  await inBoth('trailing_dot_name', { serverName: `${subject.serverName}.` });
  await inBoth('address_as_name', { serverName: endpoint.address });
  await inBoth('address_as_name', { serverName: endpoint.address, host });
  await examineSessions(subject, strangers, host, { attempt, skip, absent, seen });
  if (subject.httpPort === null) skip('plain_http', 'No port of plain HTTP was named.');
  else await attempt('plain_http', { tls: null, port: subject.httpPort });
  await attempt('plain_on_tls_port', { tls: null });
  // The measure of all before: an origin that refuses everybody by now has proven nothing.
  if (right !== null) await attempt('right', { pair: right, tls: versionLetIn(tried), judge: 'control' });
  return { attempts: judgeAttempts(tried, subject), notes: [...notes] };
}

/** True where nobody answered, not even by closing. */
export function isSilent({ answer: { kind } }: Observation): boolean {
  return kind === 'timeout' || kind === 'connection_refused' || kind === 'unreachable';
}

/** Counted in whole tens of minutes, so that all answers of an origin say the same. */
function skewNote(skew: number): string {
  const minutes = Math.round(Math.abs(skew) / 600_000) * 10;
  return `The origin's clock is some ${minutes} minutes ${skew > 0 ? 'ahead of' : 'behind'} the one here: one of them takes certificates for expired, or for not valid yet, that are neither.`;
}

/** The TLS version in which the right certificate got an answer. */
function versionLetIn(tried: readonly Tried[]): Version {
  const found = tried.find(
    ({ place, observation }) => place.check === 'right' && observation?.answer.kind === 'response',
  );
  return found?.place.tls ?? 'TLSv1.3';
}
