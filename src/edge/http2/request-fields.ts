import { REQUEST_FIELDS } from '../http1/field-name.ts';
import { Refusal } from '../http1/refusal.ts';
import { checkExpect, RequestHead, takeRequestField } from '../http1/request-head.ts';

const LOWER_TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What no field value may hold (RFC 9113 section 8.2.1), and white space around it. */
const ODD_VALUE = /[^\t\x20-\x7e\x80-\xff]|^[ \t]|[ \t]$/;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
const PATH = /^[\x21-\x7e\x80-\xff]+$/;
/** Fields of a connection, which HTTP/2 does not have (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const PSEUDO_FIELDS = new Set([':method', ':scheme', ':path', ':authority', ':protocol']);

/**
 * Collects the fields of one request and makes its head: the same that the HTTP/1.1 codec makes, so that everything behind
 * it is one code. Malformed fields (RFC 9113 section 8.1.1) are noted, never repaired.
 */
export class RequestFields {
  readonly #head = new RequestHead();
  readonly #pseudo = new Map<string, string>();
  #cookie = '';
  #hasRegular = false;
  /** What is wrong, where something is. */
  problem: string | null = null;

  add(name: string, value: string): void {
    if (this.problem !== null) return;
    this.problem = name.charCodeAt(0) === 0x3a ? this.#addPseudo(name, value) : this.#addRegular(name, value);
  }

  #addPseudo(name: string, value: string): string | null {
    if (this.#hasRegular) return 'a pseudo-field after a field';
    if (!PSEUDO_FIELDS.has(name)) return 'an unknown pseudo-field';
    if (this.#pseudo.has(name)) return `more than one ${name}`;
    this.#pseudo.set(name, value);
    return null;
  }

  #addRegular(name: string, value: string): string | null {
    this.#hasRegular = true;
    const known = REQUEST_FIELDS.get(name);
    if (known === null || known.lower !== name || !LOWER_TOKEN.test(name))
      return 'a field name that is not in lower case';
    if (ODD_VALUE.test(value)) return 'a field value with odd bytes';
    if (CONNECTION_FIELDS.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers'))
      return 'a field of the connection';
    if (name === 'cookie') {
      // Split for compression, and joined again here (RFC 9113 section 8.2.3).
      this.#cookie = this.#cookie === '' ? value : `${this.#cookie}; ${value}`;
      return null;
    }
    if (known.passes) this.#head.fields += `${name}: ${value}\r\n`;
    else if (known.role === 'drop') this.#head.dropped += `${name}: ${value}\r\n`;
    if (known.role === 'pass' || known.role === 'drop') return null;
    return takeRequestField(this.#head, known.role, value, 0, value.length) ?? null;
  }

  /** The head, once all fields are there. `isWhole` where no body follows. A text says why the request is malformed. */
  finish(isWhole: boolean): RequestHead | Refusal | string {
    if (this.problem !== null) return this.problem;
    const head = this.#head;
    const method = this.#pseudo.get(':method');
    const scheme = this.#pseudo.get(':scheme');
    const path = this.#pseudo.get(':path');
    const authority = this.#pseudo.get(':authority');
    const protocol = this.#pseudo.get(':protocol');
    if (method === undefined || !METHOD.test(method)) return 'no method';
    if (authority !== undefined && head.host !== null && authority.toLowerCase() !== head.host.toLowerCase())
      return 'an :authority that is not the Host';
    head.host = authority ?? head.host;
    const isConnect = method === 'CONNECT';
    if (isConnect && protocol === undefined) {
      // RFC 9113 section 8.5: no scheme and no path.
      if (scheme !== undefined || path !== undefined) return 'a CONNECT with a path';
    } else if (path === undefined || !PATH.test(path) || scheme === undefined) {
      return 'no path or no scheme';
    } else if (protocol !== undefined && !isConnect) {
      return ':protocol without CONNECT';
    }
    head.method = method;
    head.target = path ?? '';
    if (this.#cookie !== '') head.fields += `cookie: ${this.#cookie}\r\n`;
    if (protocol !== undefined) {
      if (protocol.toLowerCase() !== 'websocket') return new Refusal(501, 'a protocol other than websocket');
      openWebSocket(head, protocol);
    } else if (isWhole) {
      if (head.contentLength > 0) return 'a Content-Length without a body';
    } else {
      head.chunked = head.contentLength < 0;
    }
    return checkExpect(head) ?? head;
  }
}

/** An extended CONNECT (RFC 8441) as the upgrade that it stands for: origins are asked over HTTP/1.1. */
function openWebSocket(head: RequestHead, protocol: string): void {
  head.method = 'GET';
  head.upgrade = protocol;
  head.isExtendedConnect = true;
  head.contentLength = -1;
}
