import type { Certificate } from './certificate.ts';
import type { addressMatcher } from './client-cert-header.ts';
import type { Door } from './door.ts';
import { canonicalHostname, type HostTable } from './hostname.ts';
import { type Peer, peerOfConnection, peerOfHeader, serverNameOf } from './peer.ts';
import type { RefusalCode } from './refusal.ts';
import { type GuardedRequest, headerValues, hostOf, socketOf } from './request.ts';

/** One way in at a host. */
export interface Entrance {
  readonly level: string | null;
  readonly door: Door;
}

/** What a decision goes by. */
export interface Grounds {
  readonly hosts: HostTable<readonly Entrance[]>;
  /** True for addresses of proxies that end TLS; null where there are none. */
  readonly isProxy: ReturnType<typeof addressMatcher> | null;
  /** Refusals by connection, so that a stranger pays for a check once a connection, not once a request. */
  readonly refused: WeakMap<object, RememberedRefusal>;
  /** Grows with each reload of trust. */
  readonly generation: number;
}

interface RememberedRefusal {
  readonly host: string;
  readonly fingerprint: string;
  readonly generation: number;
  readonly code: RefusalCode;
}

/** What came of one request. */
export interface Decision {
  /** Null where it may come in. */
  readonly code: RefusalCode | null;
  readonly level: string | null;
  readonly host: string | null;
  readonly serverName: string | null;
  readonly leaf: Certificate | null;
}

/** No request could be let in over such a connection, whatever it asks for. */
const UNUSABLE: readonly RefusalCode[] = [
  'runtime_cannot_show_certificate',
  'no_tls',
  'client_cert_header_from_stranger',
];

/** Time alone heals these: they are looked at again with each request. */
const PASSING: readonly RefusalCode[] = ['certificate_not_yet_valid', 'revocation_outdated'];

/** Decides about a request at `now`, in milliseconds since the epoch. Reads nothing that the runtime has concluded by itself. */
export function decide(request: GuardedRequest, grounds: Grounds, now: number): Decision {
  const target = hostOf(request);
  const peer = peerOf(request, grounds.isProxy);
  const known = {
    host: typeof target === 'string' ? null : target.host,
    serverName: serverNameOf(socketOf(request)),
    leaf: typeof peer === 'string' ? null : peer.leaf,
    level: null,
  };
  if (typeof peer === 'string' && UNUSABLE.includes(peer)) return { ...known, code: peer };
  if (typeof target === 'string') return { ...known, code: target };
  const mismatch = serverNameMismatch(request, target.host);
  if (mismatch !== null) return { ...known, code: mismatch };
  const entrances = grounds.hosts.find(target.host);
  if (entrances === undefined) return { ...known, code: 'host_unknown' };
  if (typeof peer === 'string') return { ...known, code: peer };
  return { ...known, ...admit(target.host, peer, entrances, grounds, now) };
}

function peerOf(request: GuardedRequest, isProxy: Grounds['isProxy']): Peer | RefusalCode {
  if (isProxy === null) return peerOfConnection(request);
  if (isProxy(socketOf(request)?.remoteAddress)) return peerOfHeader(request);
  const forged = ['client-cert', 'client-cert-chain'].some((name) => headerValues(request, name).length > 0);
  return forged ? 'client_cert_header_from_stranger' : peerOfConnection(request);
}

/** A connection opened for one host must not be used for another: its handshake was about the first (RFC 9110 section 7.4). */
function serverNameMismatch(request: GuardedRequest, host: string): RefusalCode | null {
  const socket = socketOf(request);
  if (socket?.encrypted !== true) return null;
  const serverName = serverNameOf(socket);
  if (serverName === null) return 'server_name_missing';
  return canonicalHostname(serverName) === host ? null : 'host_mismatch';
}

function admit(
  host: string,
  peer: Peer,
  entrances: readonly Entrance[],
  { refused, generation }: Grounds,
  now: number,
): Pick<Decision, 'code' | 'level'> {
  const { connection, leaf } = peer;
  const { fingerprint } = leaf;
  const before = connection === null ? undefined : refused.get(connection);
  if (before?.host === host && before.fingerprint === fingerprint && before.generation === generation)
    return { code: before.code, level: null };
  const codes: RefusalCode[] = [];
  for (const { level, door } of entrances) {
    const code = door.refusalOf(peer, now);
    if (code === null) return { code: null, level };
    codes.push(code);
  }
  // Of several levels, the one whose CA issued the certificate has the most to say.
  const code = codes.find((found) => found !== 'certificate_untrusted') ?? 'certificate_untrusted';
  if (connection !== null && !codes.some((found) => PASSING.includes(found)))
    refused.set(connection, { host, fingerprint, generation, code });
  return { code, level: null };
}
