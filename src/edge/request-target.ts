import { isIPv4 } from 'node:net';
import { canonicalHostname } from '../core/mod.ts';
import { detached } from './detached.ts';
import { Refusal } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';

/** Where a request goes, as the visitor said it. */
export interface RequestTarget {
  /** Canonical. */
  readonly hostname: string;
  /** The Host field as sent, port included. */
  readonly host: string;
  /** Origin-form, or `*` for OPTIONS. */
  readonly path: string;
}

/** The target of a request whose own could not be read: for its error page and the log. */
export function targetOfRefused(host: string | null): RequestTarget {
  return { hostname: 'unknown', host: host ?? 'unknown', path: '/' };
}

const HOST = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)([/?].*)?$/i;
const MAX_CACHED = 4096;

/** Host fields seen and found valid, so that a usual one costs one look-up. Bounded. */
const hostnames = new Map<string, string>();

/** Reads method, target and Host together (RFC 9112 section 3.2); a disagreement among them is refused. */
export function requestTarget(head: RequestHead): RequestTarget | Refusal {
  const { host, method, target } = head;
  if (host === null) return new Refusal(400, 'no Host');
  const hostname = hostnames.get(host) ?? readHost(host);
  if (hostname === null) return new Refusal(400, 'a malformed Host');
  if (method === 'CONNECT') return new Refusal(405, 'CONNECT, which this edge does not serve');
  if (method === 'TRACE') return new Refusal(405, 'TRACE, which this edge does not serve');
  const first = target.charCodeAt(0);
  if (first === 0x2f) {
    return target.includes('#')
      ? new Refusal(400, 'a fragment in the request target')
      : { hostname, host, path: target };
  }
  if (target === '*') {
    return method === 'OPTIONS' ? { hostname, host, path: '*' } : new Refusal(400, 'a malformed request target');
  }
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null || target.includes('#')) return new Refusal(400, 'a malformed request target');
  if (absolute[1]!.toLowerCase() !== host.toLowerCase()) {
    return new Refusal(400, 'a request target that names another host than the Host field');
  }
  // RFC 9112 section 3.2.4: without a path, OPTIONS asks about the server as a whole.
  const path = absolute[2] ?? (method === 'OPTIONS' ? '*' : '/');
  return { hostname, host, path: path.startsWith('?') ? `/${path}` : path };
}

function readHost(sent: string): string | null {
  const host = detached(sent);
  const parts = HOST.exec(host);
  if (parts === null || (parts[2] !== undefined && Number(parts[2]) > 65535)) return null;
  // An address is a Host too, but none that a zone could hold.
  const hostname = isIPv4(parts[1]!) ? parts[1]! : canonicalHostname(parts[1]!);
  if (hostname !== null && hostnames.size < MAX_CACHED) hostnames.set(host, hostname);
  return hostname;
}
