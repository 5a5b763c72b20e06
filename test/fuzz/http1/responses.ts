import type { Draw } from '../../doubles/random.ts';
import { damage } from '../smuggling/damage.ts';

const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 OK',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 404',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 103 Early Hints',
  'HTTP/1.1 999 \xe4',
  'HTTP/1.1 99 Low',
  'HTTP/2 200',
];
const FIELDS = [
  'Content-Length: 5',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content_Length: 9',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'transfer_encoding: chunked',
  'Connection: close',
  'Connection: Content-Length, X-A',
  'Set-Cookie: a=1',
  'X-A: 1',
  'X-B:',
  'X : 1',
  ' X: folded',
  'CF-Ray: forged',
  'Date: x',
  'Content-Encoding: br',
];
const BODIES = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 1\r\n\r\n',
  '0\r\n\r\n',
];

/** What an origin could send: some responses, mostly with something odd about them. */
export function responseBytes(draw: Draw): string {
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)]!;
  let text = '';
  for (let left = 1 + draw(3); left > 0; left--) {
    const fields = Array.from({ length: draw(4) }, () => `${pick(FIELDS)}\r\n`);
    text += `${pick(STATUS_LINES)}\r\n${fields.join('')}\r\n${pick(BODIES)}`;
  }
  return draw(3) === 0 ? damage(draw, text) : text;
}
