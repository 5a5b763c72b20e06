import { isIPv6 } from 'node:net';
import type { Scheme } from '../core/mod.ts';
import { detached } from './detached.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { TextSink } from './outbox.ts';
import type { Visitor } from './visitor.ts';

/** What the edge adds to a request from what it knows itself. */
export interface OriginRequestFacts {
  readonly path: string;
  readonly host: string;
  readonly visitor: Pick<Visitor, 'address' | 'scheme' | 'usualFields'>;
  readonly rayId: string;
}

/** This edge's name in `CDN-Loop` (RFC 8586). */
const CDN_ID = 'countersign';
const KEEP_ALIVE = '\r\nConnection: Keep-Alive\r\n\r\n';
const FIRST_LOOP = `${CDN_ID}; loops=1`;
/** How often a request may come back before it counts as a loop. */
const MAX_PASSES = 3;

/** The fields that an origin gets (spec/origin-pulls.md 4.1), serialised, without those of the connection and the framing. */
export function originRequestFields(head: RequestHead, facts: OriginRequestFacts): string {
  return `${head.fields}${edgeFields(head, facts.visitor)}${facts.rayId}\r\n`;
}

/** Serialises the head of an HTTP/1.1 origin request from the parsed form, framing included. */
export function writeOriginRequest(out: TextSink, head: RequestHead, facts: OriginRequestFacts): void {
  out.addText(`${head.method} ${facts.path} HTTP/1.1\r\nHost: ${facts.host}\r\n`);
  out.addText(head.fields);
  out.addText(edgeFields(head, facts.visitor));
  out.addText(facts.rayId);
  out.addText(connectionFields(head, facts.rayId));
}

/** The fields of the connection and the framing, behind the line that the ray id stands in; and the head's end. */
function connectionFields(head: RequestHead, rayId: string): string {
  if (head.upgrade !== null) {
    // An HTTP/2 visitor sends no key (RFC 8441 section 5); any 16 bytes will do, and a ray id has as many digits.
    const key = head.isExtendedConnect ? `\r\nSec-WebSocket-Key: ${btoa(rayId.slice(0, 16))}` : '';
    return `${key}\r\nConnection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  }
  if (head.chunked) return `\r\nTransfer-Encoding: chunked${KEEP_ALIVE}`;
  return head.contentLength >= 0 ? `\r\nContent-Length: ${head.contentLength}${KEEP_ALIVE}` : KEEP_ALIVE;
}

/** What the edge itself says with a request, up to the ray id. */
function edgeFields(head: RequestHead, visitor: OriginRequestFacts['visitor']): string {
  const { forwardedFor, cdnLoop } = head;
  if (forwardedFor === null && cdnLoop === null) return visitor.usualFields;
  const { address, scheme } = visitor;
  return serialiseEdgeFields(
    address,
    scheme,
    forwardedFor === null ? address : `${forwardedFor},${address}`,
    cdnLoop === null ? FIRST_LOOP : nextLoop(cdnLoop),
  );
}

/** What the edge says with each request of a visitor that nobody else has passed on, up to the ray id: `Visitor.usualFields`. */
export function visitorFields(address: string, scheme: Scheme): string {
  return detached(serialiseEdgeFields(address, scheme, address, FIRST_LOOP));
}

function serialiseEdgeFields(address: string, scheme: Scheme, forwardedFor: string, loop: string): string {
  return (
    `Accept-Encoding: br, gzip\r\nCF-Connecting-IP: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
    `CF-Visitor: {"scheme":"${scheme}"}\r\nCF-IPCountry: XX\r\nX-Forwarded-For: ${forwardedFor}\r\nCDN-Loop: ${loop}\r\nCF-Ray: `
  );
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
