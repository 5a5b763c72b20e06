import type { Draw } from '../../doubles/random.ts';
import { damage } from './damage.ts';

/** How a visitor ends its connection: lets the edge do it, says so, breaks off at once, or at the first answer. */
type Ending = 'wait' | 'half-close' | 'destroy' | 'destroy-at-answer';

/** What one visitor sends, as latin1 text, cut into the pieces that it writes. */
export interface Stream {
  readonly pieces: readonly string[];
  readonly ending: Ending;
}

/** Makes visitors' byte streams: requests as they should be, and every known way to make two parsers disagree. */
export class Grammar {
  readonly #draw: Draw;
  readonly #hosts: readonly string[];
  readonly #prefix: string;
  #count = 0;

  /** Every request's path, of smuggled ones too, ends in an id that begins with `prefix` and comes once. */
  constructor(draw: Draw, hosts: readonly string[], prefix: string) {
    this.#draw = draw;
    this.#hosts = hosts;
    this.#prefix = prefix;
  }

  stream(): Stream {
    const host = this.#pick(this.#hosts);
    let text = '';
    for (let left = 1 + this.#draw(5); left > 0; left--) text += this.#request(host, this.#oneIn(2));
    if (this.#oneIn(8)) text = damage(this.#draw, text);
    if (!this.#oneIn(4)) text += this.#plain(host, 'Connection: close\r\n');
    const ending = this.#pick([
      'wait',
      'wait',
      'wait',
      'wait',
      'wait',
      'half-close',
      'destroy',
      'destroy-at-answer',
    ] as const);
    return { pieces: this.#cut(text), ending };
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#draw(list.length)]!;
  }

  #oneIn(count: number): boolean {
    return this.#draw(count) === 0;
  }

  #path(): string {
    const kind = this.#pick(['ok', 'ok', 'ok', 'no', 'file']);
    return `/${kind}/${this.#prefix}x${this.#count++}x`;
  }

  #plain(host: string, fields = ''): string {
    return `GET ${this.#path()} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
  }

  /** One request; `isOdd` allows what should not be. */
  #request(host: string, isOdd: boolean): string {
    const odd = (usual: string, others: () => readonly string[], rate = 6) =>
      isOdd && this.#oneIn(rate) ? this.#pick(others()) : usual;
    const method = odd(
      this.#pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH']),
      () => METHODS,
      12,
    );
    const path = this.#path();
    const target = odd(path, () => targets(path, host), 8);
    const version = odd(this.#oneIn(12) ? 'HTTP/1.0' : 'HTTP/1.1', () => VERSIONS, 12);
    const fields = [odd(`Host: ${host}`, () => hosts(host, this.#pick(this.#hosts)), 10)];
    for (let left = this.#draw(3); left > 0; left--) fields.push(this.#pick(FIELDS));
    if (isOdd) for (let left = this.#draw(2); left > 0; left--) fields.push(this.#pick(ODD_FIELDS));
    const body = this.#body(host, isOdd, fields);
    if (this.#oneIn(8)) fields.push(this.#pick(CONNECTIONS));
    if (isOdd && this.#oneIn(2)) this.#shuffle(fields);
    const lineEnd = odd('\r\n', () => LINE_ENDS, 24);
    const lead = odd('', () => LEADS, 12);
    const head = [`${method} ${target} ${version}`, ...fields].map((line) => line + odd('\r\n', () => [lineEnd], 2));
    return `${lead}${head.join('')}${lineEnd}${body}`;
  }

  /** Adds framing fields, and returns the body. */
  #body(host: string, isOdd: boolean, fields: string[]): string {
    const content = this.#content(host);
    switch (this.#draw(isOdd ? 8 : 4)) {
      case 0:
      case 1:
        return '';
      case 2:
        if (this.#oneIn(6)) fields.push('Expect: 100-continue');
        fields.push(`Content-Length: ${content.length}`);
        return content;
      case 3:
        fields.push('Transfer-Encoding: chunked');
        return this.#chunked(content, false);
      case 4:
        // The length lies: too short makes the rest a request, too long swallows the next one.
        fields.push(`Content-Length: ${Math.max(0, content.length + this.#draw(60) - 40)}`);
        return content;
      case 5:
        fields.push(
          this.#pick(lengths(content.length)),
          ...(this.#oneIn(2) ? [`Content-Length: ${content.length}`] : []),
        );
        return content;
      case 6:
        fields.push(this.#pick(CODINGS), ...(this.#oneIn(2) ? ['Transfer-Encoding: chunked'] : []));
        return this.#chunked(content, this.#oneIn(3));
      default: {
        const chunked = this.#chunked(content, this.#oneIn(2));
        fields.push(this.#oneIn(2) ? 'Transfer-Encoding: chunked' : this.#pick(CODINGS));
        if (this.#oneIn(2)) fields.push(`Content-Length: ${this.#pick([0, 4, chunked.length, content.length])}`);
        return chunked;
      }
    }
  }

  /** A body: mostly what would be a request if it were not a body. */
  #content(host: string): string {
    switch (this.#draw(6)) {
      case 0:
        return '';
      case 1:
        return 'x'.repeat(this.#oneIn(10) ? 70_000 : this.#draw(50));
      case 2:
        return `0\r\n\r\n${this.#plain(host)}`;
      case 3:
        return `GET ${this.#path()} HTTP/1.1\r\nX-Ignore: `;
      default:
        return this.#plain(host, this.#oneIn(3) ? 'CF-Ray: 0123456789abcdef-EVL\r\n' : '');
    }
  }

  #chunked(content: string, isOdd: boolean): string {
    let out = '';
    for (let at = 0; at < content.length; ) {
      const size = Math.min(content.length - at, 1 + this.#draw(this.#oneIn(4) ? 9 : 80_000));
      const hex = size.toString(16);
      const line =
        isOdd && this.#oneIn(2) ? this.#pick(chunkLines(hex)) : `${hex}${this.#oneIn(6) ? ';name="value"' : ''}\r\n`;
      const end = isOdd && this.#oneIn(4) ? this.#pick(['\n', '\r', '', '\r\n\r\n', '\rX\n', 'xx']) : '\r\n';
      out += line + content.slice(at, at + size) + end;
      at += size;
    }
    const last = isOdd && this.#oneIn(3) ? this.#pick(chunkLines('0')) : '0\r\n';
    const trailers = this.#oneIn(4) ? this.#pick(isOdd ? ODD_TRAILERS : TRAILERS) : '';
    const end = isOdd && this.#oneIn(4) ? this.#pick(['', '\n', '\r', '\r\n\r\n', '\n\r\n']) : '\r\n';
    return out + last + trailers + end;
  }

  #cut(text: string): string[] {
    const cuts = this.#oneIn(2) ? 0 : this.#oneIn(10) && text.length < 400 ? text.length : this.#draw(6);
    const places = Array.from({ length: cuts }, () => this.#draw(text.length + 1)).sort((a, b) => a - b);
    return [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length)).filter((piece) => piece !== '');
  }

  #shuffle(list: string[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const k = this.#draw(i + 1);
      [list[i], list[k]] = [list[k]!, list[i]!];
    }
  }
}

const METHODS = [
  'get',
  'FOO',
  'PRI',
  'CONNECT',
  'TRACE',
  'G\0T',
  '',
  'GET\t',
  ' GET',
  'GE\x7fT',
  'POST,GET',
  'M-SEARCH',
  'A'.repeat(40),
];
const VERSIONS = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  '',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/01.1',
  'HTTP/1.1\t',
  'HTTP/1',
  ' HTTP/1.1',
  'XTTP/1.1',
];
const targets = (path: string, host: string) => [
  `http://${host}${path}`,
  `HTTP://${host.toUpperCase()}${path}`,
  `https://${host}:443${path}`,
  `http://other.test${path}`,
  `http://user@${host}${path}`,
  `http:/${path}`,
  '*',
  path.slice(1),
  `${path}#fragment`,
  `/${path}`,
  `${path}\xff\x80`,
  `${path}\0`,
  `${path}\t`,
  `${path}?a b`,
  `${path}?a=%0d%0aX:1`,
  `/ok/..${path}`,
  `/ok/%2e%2e${path}`,
  `${path}%`,
  `${path}%00`,
  `${path}\\..\\x`,
  `${path}"<>^\`{|}`,
  `${path}?${'a'.repeat(9_000)}`,
  `?${path}`,
  `${path} HTTP/1.1`,
];
const hosts = (host: string, other: string) => [
  '',
  `Host: ${host}\r\nHost: ${host}`,
  `Host: ${host}\r\nHost: ${other}`,
  `Host: ${other}`,
  `Host: ${host}:80`,
  `Host: ${host}:`,
  `Host: ${host}.`,
  `Host: ${host.toUpperCase()}`,
  `Host : ${host}`,
  `Host:${host}`,
  `Host:\t${host}\t`,
  `Host: ${host}, ${other}`,
  `Host: ${host}/x`,
  `Host: ${host}#`,
  `Host: ${host} ${other}`,
  'Host:',
  `Host: ${host}\xa0`,
  `Host:\r\n ${host}`,
  `X: 1\r\n Host: ${other}\r\nHost: ${host}`,
];
const FIELDS = [
  'X-A: 1',
  'Accept: */*',
  'Cookie: a=b; c="d"',
  'User-Agent: fuzz',
  'X-B:',
  'X-C:\t spaced \t',
  'Accept-Encoding: gzip',
  'Content-Type: text/plain',
  'TE: trailers',
  'Trailer: X-Sum',
  'X-High: \xe4\xff',
  'X-Forwarded-For: 198.51.100.1',
];
const ODD_FIELDS = [
  'X : 1',
  ' X: folded',
  '\tX: folded',
  'X',
  ': 1',
  'X: a\nY: b',
  'X: a\rY: b',
  'X: a\0b',
  'X\0: 1',
  'X\xff: 1',
  'X: a\r\n folded',
  'X(: 1',
  '',
  'CF-Ray: 0123456789abcdef-EVL',
  'CF_Ray: 0123456789abcdef-EVL',
  'cf-ray : 0123456789abcdef-EVL',
  'X-Forwarded-For: 1\r\nX-Forwarded-For: 2',
  'CF-Connecting-IP: 1.2.3.4',
  'Expect: 100-continue',
  'Expect: x 100-continue',
  'Expect: 100-continue, 100-continue',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Proxy-Connection: keep-alive',
  'Content_Length: 4',
  'Transfer_Encoding: chunked',
  'Content-Encoding: gzip',
  'Range: bytes=0-1',
  'X-HTTP-Method-Override: PUT',
  `X-Long: ${'a'.repeat(9_000)}`,
];
const CONNECTIONS = [
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Content-Length',
  'Connection: Transfer-Encoding',
  'Connection: Host',
  'Connection: CF-Ray, X-Forwarded-For, X-A',
  'Connection: upgrade\r\nUpgrade: websocket',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x',
  'Connection: close, keep-alive',
  'Connection: \xa0close',
  'Connection: ,,;',
  'Keep-Alive: timeout=1',
];
const lengths = (length: number) => [
  `Content-Length: ${length}, ${length}`,
  `Content-Length: +${length}`,
  `Content-Length: -${length}`,
  `Content-Length: 0${length}`,
  `Content-Length: 0x${length.toString(16)}`,
  `Content-Length: ${length}.0`,
  `Content-Length: ${length} 0`,
  `Content-Length: ${length}\t`,
  `Content-Length:\x0b${length}`,
  `Content-Length: ${length}\xa0`,
  `Content-Length: ${length}\0`,
  `Content-Length : ${length}`,
  `Content-Length:${length}`,
  `Content-Length\t: ${length}`,
  `Content-Length: 9223372036854775808`,
  `Content-Length: 18446744073709551${length + 616}`,
  `Content-Length: 999999999999999`,
  'Content-Length:',
  'Content-Length: 0',
  `Content-Length: 1e1`,
  `Content-Length:\r\n ${length}`,
  `content-length: ${length}`,
  `CONTENT-LENGTH: ${length}`,
  `Content-Length: 0\r\nContent-Length: ${length}`,
  `X: 1\nContent-Length: ${length}`,
  `X: 1\rContent-Length: ${length}`,
];
const CODINGS = [
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding:\tchunked\t',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunkedx',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\x0c',
  'Transfer-Encoding: chunked\xa0',
  'Transfer-Encoding: \x85chunked',
  'Transfer-Encoding: chunked\0',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:',
  'Transfer-Encoding: x\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding: chunked\r\n ',
  ' Transfer-Encoding: chunked',
  'X: 1\nTransfer-Encoding: chunked',
  'X: 1\rTransfer-Encoding: chunked',
  'Transfer\xadEncoding: chunked',
  'Transfer-Encoding\0: chunked',
  'Transfer-Encoding\t: chunked',
];
const chunkLines = (hex: string) => [
  `${hex}\n`,
  `${hex}\r`,
  `${hex} \r\n`,
  ` ${hex}\r\n`,
  `\t${hex}\r\n`,
  `${hex}\t;a\r\n`,
  `${hex};\r\n`,
  `${hex};a\n\r\n`,
  `${hex};a\nb\r\n`,
  `${hex};a\rb\r\n`,
  `${hex};a="\r\n"\r\n`,
  `${hex};${'a'.repeat(300)}\r\n`,
  `${hex};\xff\r\n`,
  `${hex};\0\r\n`,
  `${hex} a\r\n`,
  `0x${hex}\r\n`,
  `+${hex}\r\n`,
  `-${hex}\r\n`,
  `000${hex}\r\n`,
  `0000000000000${hex}\r\n`,
  `${hex.toUpperCase()}\r\n`,
  `${hex},${hex}\r\n`,
  `10000000${hex}\r\n`,
  `1000000000000000${hex}\r\n`,
  'ffffffffffffffff\r\n',
  'fffffffffff\r\n',
  '\r\n',
  'x\r\n',
];
const TRAILERS = [
  'X-Sum: 1\r\n',
  'X-Sum: 1\r\nX-Other: 2\r\n',
  'Content-Length: 5\r\n',
  'Host: evil.test\r\n',
  'CF-Cert-Verified: true\r\nX-Sum: 1\r\n',
];
const ODD_TRAILERS = [
  ...TRAILERS,
  'X : 1\r\n',
  'X: 1\n',
  ' X: 1\r\n',
  'X\r\n',
  'X: 1\r\n folded\r\n',
  'X: \0\r\n',
  `X: ${'a'.repeat(17_000)}\r\n`,
  'Transfer-Encoding: chunked\r\n',
  'X: 1\rY: 2\r\n',
];
const LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r', '\0\r\n', ' \r\n'];
const LEADS = ['\r\n', '\r\n\r\n', '\n', ' ', '\r', '\0', '\r\n ', '\t\r\n'];
