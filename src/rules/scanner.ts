import type { Address, AddressRange } from '../match/mod.ts';
import { parseAddress, parseAddressRange, utf8Bytes } from '../match/mod.ts';
import { RuleError } from './rule-error.ts';

/** The longest expression, in characters (spec/waf.md 1.2). */
export const MAX_EXPRESSION = 4096;

const NAME = /[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*/y;
const ADDRESS_TEXT = /[0-9a-fA-F:./]+/y;
const HEX_DIGITS = /[0-9a-fA-F]+/y;
const LIST_NAME = /[a-z0-9_.]+/y;
const BYTES = /[0-9a-fA-F]{2}(?:[:.-][0-9a-fA-F]{2})+/y;
const MAX_HASHES = 255;
const RANGE_PROBLEMS = {
  address: 'Expected an IP address, a CIDR range or a range of addresses.',
  length: 'The length of this range must be a number: 0 to 32 for IPv4, 0 to 128 for IPv6.',
  'host bits': 'The bits behind the length of this range must be zero.',
  families: 'A range must not begin in one family of addresses and end in the other.',
  order: 'The range ends before it begins.',
} as const;

/** An expression's text and a place in it; reads one word at a time. What is not as expected throws `RuleError`. */
export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Spaces, CR and LF; a tab is none (trap: the TAB). */
  skipSpace(): void {
    while (this.at < this.text.length && ' \r\n'.includes(this.text[this.at]!)) this.at++;
  }

  isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** True where `word` comes next, which is not read. */
  sees(word: string): boolean {
    return this.text.startsWith(word, this.at);
  }

  /** Reads `word` where it comes next. Words have no boundary (spec/waf.md 1.2, trap 1). */
  take(word: string): boolean {
    if (!this.sees(word)) return false;
    this.at += word.length;
    return true;
  }

  /** Reads the first of `words` that comes next. */
  takeOneOf<T extends string>(words: readonly T[]): T | null {
    return words.find((word) => this.take(word)) ?? null;
  }

  expect(word: string, what: string): void {
    if (!this.take(word)) this.fail(`Expected ${word} ${what}.`, this.at);
  }

  /** Throws about what is between `start` and `end`. */
  fail(message: string, start: number, end = start + 1): never {
    const length = Math.max(1, Math.min(end, this.text.length) - start);
    throw new RuleError(message, this.text, { start, length });
  }

  /** Reads the name of a field or function; null where there is none. */
  name(): string | null {
    return this.#match(NAME);
  }

  /** The name that comes next, which is not read. */
  peekName(): string | null {
    const start = this.at;
    const name = this.name();
    this.at = start;
    return name;
  }

  seesString(): boolean {
    return /^(?:"|r["#])/.test(this.text.slice(this.at, this.at + 2));
  }

  /** True where bytes come next, as `01:2e`. */
  seesBytes(): boolean {
    return /^[0-9a-fA-F]{2}[:.-][0-9a-fA-F]{2}/.test(this.text.slice(this.at, this.at + 5));
  }

  seesInteger(): boolean {
    return /^-?\d/.test(this.text.slice(this.at, this.at + 2));
  }

  /** Reads a quoted string, a raw string, or bytes (`01:2e`) as latin1 bytes. */
  bytes(): string {
    if (this.seesString()) return this.string();
    const bytes = this.#match(BYTES);
    if (bytes === null) this.fail('Expected a string in double quotes.', this.at);
    return String.fromCharCode(...bytes!.split(/[:.-]/).map((byte) => Number.parseInt(byte, 16)));
  }

  /** Reads a quoted or raw string as latin1 bytes. */
  string(): string {
    if (this.sees('r')) return utf8Bytes(this.#rawString());
    if (!this.sees('"')) this.fail('Expected a string in double quotes.', this.at);
    const start = this.at++;
    let bytes = '';
    for (;;) {
      const c = this.#next(start);
      if (c === '"') return bytes;
      bytes += c === '\\' ? this.#escape(start) : c < '\x80' ? c : utf8Bytes(c);
    }
  }

  /** Reads the pattern on the right of `matches`, which is quoted in another way (spec/waf.md 1.2, trap 4). */
  pattern(): string {
    if (this.sees('r')) return this.#rawString();
    if (!this.sees('"')) this.fail('Expected a regular expression in double quotes.', this.at);
    const start = this.at++;
    let pattern = '';
    let isInClass = false;
    for (;;) {
      const c = this.#next(start);
      if (c === '"' && !isInClass) return pattern;
      if (c === '\\') {
        const escaped = this.#next(start);
        pattern += escaped === '"' && !isInClass ? escaped : c + escaped;
        continue;
      }
      if (c === '[') isInClass = true;
      else if (c === ']') isInClass = false;
      pattern += c;
    }
  }

  /** Reads a decimal number, or a hexadecimal one (`0x`), or an octal one (`0`). */
  integer(): number {
    const start = this.at;
    const radix = this.take('0x') ? 16 : this.sees('0') ? 8 : 10;
    const isNegative = radix === 10 && this.take('-');
    const digits = this.#match(HEX_DIGITS);
    if (digits === null) this.fail('Expected an integer.', start);
    const isRight = radix === 16 || (radix === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(digits!);
    if (!isRight)
      this.fail(`Expected the digits of ${radix === 8 ? 'an octal' : 'a decimal'} integer.`, start, this.at);
    const value = Number.parseInt(digits!, radix) * (isNegative ? -1 : 1);
    if (!Number.isSafeInteger(value))
      this.fail('Expected an integer between -9007199254740991 and 9007199254740991.', start, this.at);
    return value + 0;
  }

  /** Reads an integer or `first..last`. */
  integerRange(): readonly [first: number, last: number] {
    const start = this.at;
    const first = this.integer();
    if (!this.take('..')) return [first, first];
    const last = this.integer();
    if (last < first) this.fail(RANGE_PROBLEMS.order, start, this.at);
    return [first, last];
  }

  /** Reads an IP address; a range is refused by saying where ranges may stand. */
  address(): Address {
    const start = this.at;
    const text = this.#match(ADDRESS_TEXT);
    if (text?.includes('/')) this.fail('A CIDR range may stand only inside { } behind in.', start, this.at);
    const address = text === null ? null : parseAddress(text);
    if (address === null) this.fail('Expected an IP address.', start, this.at);
    return address!;
  }

  /** Reads an IP address where one stands; null, with nothing read, elsewhere. */
  maybeAddress(): Address | null {
    const start = this.at;
    const text = this.#match(ADDRESS_TEXT);
    const address = text === null ? null : parseAddress(text);
    if (address === null) this.at = start;
    return address;
  }

  /** Reads an IP address, a CIDR range or `first..last`. */
  addressRange(): AddressRange {
    const start = this.at;
    const text = this.#match(ADDRESS_TEXT);
    const range = parseAddressRange(text ?? '');
    if (typeof range === 'string') this.fail(RANGE_PROBLEMS[range], start, this.at);
    return range as AddressRange;
  }

  /** Reads the name of a list behind `$`. */
  listName(): string {
    const start = this.at;
    const name = this.#match(LIST_NAME) ?? '';
    if (name === '' || name.startsWith('.') || name.endsWith('.'))
      this.fail('Expected the name of a list: a-z, 0-9, _ and dots inside.', start, this.at);
    return name;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return null;
    this.at += match[0].length;
    return match[0];
  }

  /** The next character of a string that began at `start`. */
  #next(start: number): string {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) this.fail('This string has no closing quote.', start, this.text.length);
    const character = String.fromCodePoint(code!);
    this.at += character.length;
    return character;
  }

  #escape(start: number): string {
    const at = this.at - 1;
    const c = this.#next(start);
    if (c === '"' || c === '\\') return c;
    const digits = c === 'x' ? this.text.slice(this.at, this.at + 2) : this.text.slice(this.at - 1, this.at + 2);
    const isHex = c === 'x' && /^[0-9a-fA-F]{2}$/.test(digits);
    if (!isHex && !/^[0-3][0-7]{2}$/.test(digits))
      this.fail('Expected ", \\, xHH (hexadecimal) or OOO (octal) behind the backslash.', at, this.at);
    this.at += 2;
    return String.fromCharCode(Number.parseInt(digits, isHex ? 16 : 8));
  }

  #rawString(): string {
    const start = this.at++;
    let hashes = 0;
    while (this.take('#')) hashes++;
    if (hashes > MAX_HASHES) this.fail(`A raw string may begin with at most ${MAX_HASHES} #.`, start, this.at);
    if (!this.take('"')) this.fail('Expected a double quote: a raw string is r"..." or r#"..."#.', this.at);
    const end = `"${'#'.repeat(hashes)}`;
    const close = this.text.indexOf(end, this.at);
    if (close < 0) this.fail(`This string has no closing ${end}.`, start, this.text.length);
    const text = this.text.slice(this.at, close);
    this.at = close + end.length;
    return text;
  }
}
