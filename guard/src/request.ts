import type { X509Certificate } from 'node:crypto';
import { hostnameOfAuthority } from './hostname.ts';
import type { RefusalCode } from './refusal.ts';

/** The members of a TLS socket that tell who is on the other end. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly encrypted?: boolean;
  readonly servername?: string | false | null;
  getPeerX509Certificate?(): X509Certificate | undefined;
  getPeerCertificate?(detailed: boolean): object;
}

/** What the guard needs of a request of `node:http`, `node:https` or `node:http2`. */
export interface GuardedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly rawHeaders: readonly string[];
  readonly socket: object;
  readonly stream?: unknown;
}

/** The socket below a request; undefined where its connection is gone. */
export function socketOf(request: GuardedRequest): PeerSocket | undefined {
  if (request.httpVersionMajor < 2) return request.socket as PeerSocket;
  return (request.stream as { session?: { socket?: PeerSocket } } | undefined)?.session?.socket;
}

/** What stands for the connection of a request: an HTTP/2 session hands out a new face of its socket each time. */
export function connectionOf(request: GuardedRequest): object | undefined {
  if (request.httpVersionMajor < 2) return request.socket;
  return (request.stream as { session?: object } | undefined)?.session;
}

/** All values of a header, one for each line of it. */
export function headerValues({ rawHeaders }: GuardedRequest, name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
}

/**
 * The canonical host that a request names, in `Host`, `:authority` and an absolute target alike (RFC 9112 section 3.2, RFC 9113 section
 * 8.3.1). Where two of them differ, one part of the application could be asked for what another part guards.
 */
export function hostOf(request: GuardedRequest): { readonly host: string } | RefusalCode {
  const hosts = headerValues(request, 'host');
  const authorities = headerValues(request, ':authority');
  if (hosts.length > 1 || authorities.length > 1) return 'host_duplicate';
  const named = [...authorities, ...hosts, ...absoluteAuthority(request)];
  if (hosts.length + authorities.length === 0 || named.includes('')) return 'host_missing';
  const names = named.map(hostnameOfAuthority);
  const [host] = names;
  if (host == null || names.includes(null)) return 'host_malformed';
  return names.every((name) => name === host) ? { host } : 'host_mismatch';
}

function absoluteAuthority({ method, url = '', httpVersionMajor }: GuardedRequest): string[] {
  if (httpVersionMajor >= 2) return [];
  if (method === 'CONNECT') return [url];
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return authority === undefined ? [] : [authority];
}
