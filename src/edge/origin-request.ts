import { isIPv6 } from 'node:net';
import type { Scheme } from '../core/mod.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { Visitor } from './visitor.ts';

/** What the edge adds to a request from what it knows itself. */
export interface OriginRequestFacts {
  readonly path: string;
  readonly host: string;
  readonly visitor: Pick<Visitor, 'address' | 'scheme'>;
  readonly rayId: string;
}

/** This edge's name in `CDN-Loop` (RFC 8586). */
const CDN_ID = 'countersign';
const SCHEME_FIELDS: Readonly<Record<Scheme, string>> = { http: schemeFields('http'), https: schemeFields('https') };
const FIRST_LOOP = `CDN-Loop: ${CDN_ID}; loops=1\r\n`;
/** How often a request may come back before it counts as a loop. */
const MAX_PASSES = 3;

/** The fields that an origin gets (spec/origin-pulls.md 4.1), serialised, without those of the connection and the framing. */
export function originRequestFields(head: RequestHead, facts: OriginRequestFacts): string {
  const { address, scheme } = facts.visitor;
  const before = head.forwardedFor === null ? '' : `${head.forwardedFor},`;
  return (
    `${head.fields}Accept-Encoding: br, gzip\r\nCF-Connecting-IP: ${address}\r\n${SCHEME_FIELDS[scheme]}` +
    `X-Forwarded-For: ${before}${address}\r\nCF-Ray: ${facts.rayId}\r\n` +
    (head.cdnLoop === null ? FIRST_LOOP : `CDN-Loop: ${nextLoop(head.cdnLoop)}\r\n`)
  );
}

function schemeFields(scheme: Scheme): string {
  return `X-Forwarded-Proto: ${scheme}\r\nCF-Visitor: {"scheme":"${scheme}"}\r\nCF-IPCountry: XX\r\n`;
}

/** Serialises the head of an HTTP/1.1 origin request from the parsed form, framing included. */
export function writeOriginRequest(head: RequestHead, facts: OriginRequestFacts): string {
  let out = `${head.method} ${facts.path} HTTP/1.1\r\nHost: ${facts.host}\r\n${originRequestFields(head, facts)}`;
  // An HTTP/2 visitor sends no key (RFC 8441 section 5); any 16 bytes will do, and a ray id has as many digits.
  if (head.isExtendedConnect) out += `Sec-WebSocket-Key: ${btoa(facts.rayId.slice(0, 16))}\r\n`;
  if (head.upgrade !== null) return `${out}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  if (head.chunked) out += 'Transfer-Encoding: chunked\r\n';
  else if (head.contentLength >= 0) out += `Content-Length: ${head.contentLength}\r\n`;
  return `${out}Connection: Keep-Alive\r\n\r\n`;
}

/** Times that this installation's edges have already passed the request on, by its `CDN-Loop` field. */
function passes(cdnLoop: string): number {
  const own = new RegExp(`(?:^|,)[ \\t]*${CDN_ID}(?:[ \\t]*;[ \\t]*loops=(\\d{1,6}))?`, 'i').exec(cdnLoop);
  return own === null ? 0 : Number(own[1] ?? '1');
}

function nextLoop(cdnLoop: string): string {
  const others = cdnLoop
    .split(',')
    .map((part) => part.trim())
    .filter((part) => !part.toLowerCase().startsWith(CDN_ID));
  return [...others, `${CDN_ID}; loops=${passes(cdnLoop) + 1}`].join(', ');
}

/** Why a request's own headers forbid it to pass (error 1000, spec/origin-pulls.md 4.3), or null. */
export function forbiddenHeaders(head: RequestHead): string | null {
  if (head.hasConnectingIp) return 'The request carries CF-Connecting-IP, which only the edge may set (error 1000).';
  if (head.forwardedForCount > 1) return 'The request carries more than one X-Forwarded-For (error 1000).';
  if (head.forwardedFor !== null && head.forwardedFor.length > 100) {
    return 'X-Forwarded-For is longer than 100 characters (error 1000).';
  }
  if (head.cdnLoop !== null && passes(head.cdnLoop) >= MAX_PASSES) {
    return 'The request has passed this edge before: the origin sends it back (error 1000).';
  }
  return null;
}

/** A visitor's address as it is written in headers: an IPv4 address that came mapped into IPv6 is IPv4 again. */
export function visitorAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return '0.0.0.0';
  return isIPv6(remoteAddress) && remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress;
}
