import { RESPONSE_FIELDS } from '../http1/field-name.ts';
import { ResponseHead, takeResponseField } from '../http1/response-head.ts';

const LOWER_TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const ODD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Collects the fields of a response, or of its trailers, and makes the same head of them that the HTTP/1.1 codec makes. */
export class ResponseFields {
  readonly #head = new ResponseHead();
  #lines = '';
  #hasRegular = false;
  #isMalformed = false;

  add(name: string, value: string): void {
    if (name === ':status') {
      this.#isMalformed ||= this.#head.status !== 0 || this.#hasRegular || !/^[1-9]\d\d$/.test(value);
      this.#head.status = Number(value);
      return;
    }
    this.#hasRegular = true;
    if (!LOWER_TOKEN.test(name) || ODD_VALUE.test(value) || CONNECTION_FIELDS.has(name)) {
      this.#isMalformed = true;
      return;
    }
    const { role, passes } = RESPONSE_FIELDS.get(name)!;
    if (passes) this.#lines += `${name}: ${value}\r\n`;
    if (role !== 'pass' && role !== 'drop')
      this.#isMalformed ||= takeResponseField(this.#head, role, value, 0, value.length) !== undefined;
  }

  /** The head of a response; null where it is malformed (RFC 9113 section 8.1.1). */
  head(): ResponseHead | null {
    if (this.#isMalformed || this.#head.status === 0 || this.#head.status === 101) return null;
    this.#head.fields += this.#lines;
    return this.#head;
  }

  /** Trailers as serialised field lines; null where they are malformed. */
  trailers(): string | null {
    return this.#isMalformed || this.#head.status !== 0 ? null : this.#lines;
  }
}
