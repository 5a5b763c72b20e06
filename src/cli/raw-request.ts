import { systemClock, systemRandom } from '../platform/mod.ts';
import type { HeaderField, RequestFacts } from '../rules/mod.ts';
import { CliError } from './output.ts';

/** What a request written as text does not say. */
export interface Surroundings {
  readonly scheme: 'http' | 'https';
  readonly visitorAddress: string;
}

/** Reads a request as it stands on the wire (HTTP/1.1, lines may end in LF alone), as latin1. Throws `CliError`. */
export function readRawRequest(text: string, { scheme, visitorAddress }: Surroundings): RequestFacts {
  const end = /\r?\n\r?\n/.exec(text);
  const head = (end === null ? text : text.slice(0, end.index)).replace(/\r?\n$/, '');
  const raw = end === null ? '' : text.slice(end.index + end[0].length);
  const [requestLine, ...lines] = head.split(/\r?\n/);
  const parts = /^(\S+) (\S+)(?: HTTP\/(1\.0|1\.1|2))?$/.exec(requestLine!);
  if (parts === null) throw new CliError(2, 'The request must begin with a line as "GET /path HTTP/1.1".');
  const headers = lines.map(headerField);
  const [, method, target, version = '1.1'] = parts as unknown as [string, string, string, string | undefined];
  const [path, query] = splitAt(target, '?');
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  return {
    method,
    scheme,
    host: host.replace(/:\d+$/, '').toLowerCase(),
    rawTarget: target,
    path,
    query,
    version: `HTTP/${version}` as RequestFacts['version'],
    headers,
    areHeadersTruncated: false,
    visitorAddress,
    serverAddress: '127.0.0.1',
    serverPort: scheme === 'https' ? 443 : 80,
    tls: scheme === 'https' ? { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' } : null,
    visitorCertificate: null,
    rayId: '0000000000000000',
    time: systemClock.now(),
    randomSeed: Buffer.from(systemRandom.bytes(16)).toString('latin1'),
    body: raw === '' ? null : { raw, size: raw.length, isTruncated: false },
    response: null,
    geo: null,
    timings: { edge: 0, originFirstByte: 0 },
  };
}

function headerField(line: string): HeaderField {
  const [name, value] = splitAt(line, ':');
  if (!line.includes(':') || name.trim() === '') throw new CliError(2, `"${line}" is not a header field.`);
  return [name, value.trim()];
}

function splitAt(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
