import type { X509Certificate } from 'node:crypto';
import { type Certificate, parseCertificate } from './certificate.ts';
import { parseClientCert, parseClientCertChain } from './client-cert-header.ts';
import type { RefusalCode } from './refusal.ts';
import { connectionOf, type GuardedRequest, headerValues, type PeerSocket, socketOf } from './request.ts';

/** Who sent a request. */
export interface Peer {
  readonly leaf: Certificate;
  /** What came with the leaf. Read only where no verdict is remembered: it costs more than the leaf. */
  readonly presented: () => readonly Certificate[];
  /** The connection whose handshake proved it; null where a proxy speaks for many. */
  readonly connection: object | null;
}

const MAX_PRESENTED = 10;

/** The peer of a TLS connection, or why it has none. */
export function peerOfConnection(request: GuardedRequest): Peer | RefusalCode {
  const socket = socketOf(request);
  if (socket === undefined) return 'no_certificate';
  if (socket.encrypted !== true) return 'no_tls';
  // The https server of Bun: its sockets say that they are encrypted, and nothing of the peer's certificate.
  if (typeof socket.getPeerX509Certificate !== 'function') return 'runtime_cannot_show_certificate';
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined) return 'no_certificate';
  const connection = connectionOf(request) ?? null;
  const leaf = leafOf(connection, x509);
  if (leaf === null) return 'certificate_malformed';
  return { leaf, presented: () => presentedOn(socket), connection };
}

/** Leaves by connection: reading one costs ten times what it costs to see that it is still the same. */
const LEAVES = new WeakMap<object, { readonly fingerprint256: string; readonly leaf: Certificate }>();

function leafOf(connection: object | null, x509: X509Certificate): Certificate | null {
  const { fingerprint256 } = x509;
  const known = connection === null ? undefined : LEAVES.get(connection);
  if (known?.fingerprint256 === fingerprint256) return known.leaf;
  const leaf = parse(x509.raw);
  if (connection !== null && leaf !== null) LEAVES.set(connection, { fingerprint256, leaf });
  return leaf;
}

/** What the TLS handshake of a connection named; null where it named nothing. */
export function serverNameOf(socket: PeerSocket | undefined): string | null {
  return typeof socket?.servername === 'string' && socket.servername !== '' ? socket.servername : null;
}

/** The peer of which a trusted proxy tells (RFC 9440), or why it has none. */
export function peerOfHeader(request: GuardedRequest): Peer | RefusalCode {
  const values = headerValues(request, 'client-cert');
  const chains = headerValues(request, 'client-cert-chain');
  if (values.length === 0) return 'client_cert_header_missing';
  // One of two may have been a visitor's own, passed on by a proxy that adds instead of replacing.
  if (values.length > 1 || chains.length > 1) return 'client_cert_header_duplicate';
  const der = parseClientCert(values[0]!);
  const chain = chains[0] === undefined ? [] : parseClientCertChain(chains[0]);
  if (der === null || chain === null) return 'client_cert_header_malformed';
  const leaf = parse(der);
  if (leaf === null) return 'certificate_malformed';
  return { leaf, presented: () => parseAll(chain), connection: null };
}

/** After a resumed handshake that is the leaf alone: the session keeps no more. */
function presentedOn(socket: PeerSocket): Certificate[] {
  const found: Uint8Array[] = [];
  let link = socket.getPeerCertificate?.(true) as { raw?: Uint8Array; issuerCertificate?: object } | undefined;
  for (const seen = new Set<object>(); link?.raw !== undefined && !seen.has(link); ) {
    seen.add(link);
    found.push(link.raw);
    link = link.issuerCertificate;
  }
  return parseAll(found.slice(1));
}

function parseAll(ders: readonly Uint8Array[]): Certificate[] {
  return ders
    .slice(0, MAX_PRESENTED)
    .map(parse)
    .filter((certificate) => certificate !== null);
}

function parse(der: Uint8Array): Certificate | null {
  try {
    return parseCertificate(der);
  } catch {
    return null;
  }
}
