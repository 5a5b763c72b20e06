import { lowerAscii, utf8Bytes } from './bytes.ts';
import { better, product, type Texts, united } from './needed-texts.ts';

/** A pattern that is not one: what is wrong, and where in it. */
export class RegexError extends Error {
  override readonly name = 'RegexError';
  /** Offset in the pattern, in characters. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** A pattern in the engine's words. */
export interface Translation {
  readonly pattern: string;
  /** True for `(?u)`: the pattern is about characters, and values must be read as UTF-8. */
  readonly isUnicode: boolean;
  /** Every value that matches holds one of these; null where nothing is known. Lower case where `foldsCase`. */
  readonly needed: readonly string[] | null;
  readonly foldsCase: boolean;
}

/** What is known of the texts that a part matches. */
interface Part {
  readonly out: string;
  /** All the texts that it matches, where they are few. */
  readonly exact: Texts;
  /** Every text that it matches holds one of these. */
  readonly needed: Texts;
}

const MAX_DEPTH = 100;
/** What counted repetitions may add: 128 KB of hostile bytes then cost seconds at the very worst, not minutes. */
const MAX_COPIES = 2000;
const SPACES = '\\t\\n\\x0b\\f\\r ';
const NOT_SPACES = '\\x00-\\x08\\x0e-\\x1f!-\\x{10ffff}';
const UNICODE_SPACES = '\\t\\n\\x0b\\f\\r\\x{85}\\p{Z}';
const UNICODE_WORD = '\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}';
const ESCAPED_CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/**
 * Rewrites a pattern of the Rust flavour in bytes mode (spec/waf.md 1.2, trap 5) for an engine of the RE2 flavour that sees bytes
 * as characters below 256. What the two understand differently is rewritten or refused, never left to chance. Throws `RegexError`.
 */
export function translateRegex(pattern: string): Translation {
  const translator = new Translator(pattern);
  const { out, exact, needed } = translator.whole();
  const literals = exact ?? needed;
  const isUseful = literals?.every((text) => text !== '') === true && !translator.isUnicode;
  return {
    pattern: out,
    isUnicode: translator.isUnicode,
    needed: isUseful ? [...new Set(translator.foldsCase ? literals.map(lowerAscii) : literals)] : null,
    foldsCase: translator.foldsCase,
  };
}

class Translator {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Characters, classes and groups so far, each as often as it is repeated. */
  #size = 0;
  #copies = 0;
  isUnicode = false;
  foldsCase = false;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Part {
    this.#readLeadingFlags();
    const part = this.#alternation();
    if (this.#at < this.#text.length) this.#fail('there is a ) without a (', this.#at);
    return part;
  }

  /** `(?u)`, alone or among other flags, counts where it stands first: then it is about the whole pattern. */
  #readLeadingFlags(): void {
    this.isUnicode = /^\(\?[a-zA-Z]*u[a-zA-Z]*(?:-[a-zA-Z]*)?\)/.test(this.#text);
  }

  #alternation(): Part {
    const branches = [this.#concatenation()];
    while (this.#take('|')) branches.push(this.#concatenation());
    if (branches.length === 1) return branches[0]!;
    return {
      out: branches.map(({ out }) => out).join('|'),
      exact: united(branches.map(({ exact }) => exact)),
      needed: united(branches.map(({ exact, needed }) => better(exact, needed))),
    };
  }

  #concatenation(): Part {
    let out = '';
    let run: Texts = [''];
    let best: Texts = null;
    let isExact = true;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      const part = this.#repetition();
      out += part.out;
      const longer: Texts = run !== null && part.exact !== null ? product(run, part.exact) : null;
      if (longer === null) {
        best = better(best, run);
        isExact = false;
        run = part.exact;
      } else run = longer;
      best = better(best, part.needed);
    }
    best = better(best, run);
    return { out, exact: isExact ? run : null, needed: best };
  }

  #repetition(): Part {
    const sizeBefore = this.#size;
    this.#size++;
    let part = this.#atom();
    for (;;) {
      const start = this.#at;
      const operator = this.#repeatOperator();
      if (operator === null) return part;
      const lazy = this.#take('?') ? '?' : '';
      const never = operator === '*' || operator === '?' || /^\{0\b/.test(operator);
      if (part.out === '') this.#fail('there is nothing to repeat', start);
      this.#copy(sizeBefore, operator, start);
      part = { out: part.out + operator + lazy, exact: null, needed: never ? null : better(part.exact, part.needed) };
    }
  }

  /** A counted repetition is so many copies for the engine: what a value costs grows with them. */
  #copy(sizeBefore: number, operator: string, start: number): void {
    const most = Math.max(1, ...(operator.match(/\d+/g) ?? []).map(Number));
    const copies = (this.#size - sizeBefore) * (most - 1);
    this.#size += copies;
    this.#copies += copies;
    if (this.#copies > MAX_COPIES) this.#fail(`its repetitions make more than ${MAX_COPIES} copies`, start);
  }

  #repeatOperator(): string | null {
    const c = this.#text[this.#at];
    if (c === '*' || c === '+' || c === '?') {
      this.#at++;
      return c;
    }
    if (c !== '{') return null;
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (counted === null) this.#fail('a { that counts nothing must be written as \\{', this.#at);
    this.#at += counted![0].length;
    return counted![0];
  }

  #atom(): Part {
    const start = this.#at;
    const c = this.#text[this.#at++]!;
    switch (c) {
      case '(':
        return this.#group(start);
      case '[':
        return other(this.#characterClass(start));
      case '\\':
        return this.#escape(start);
      case '.':
        return other(c);
      case '^':
      case '$':
        return anchor(c);
      case '*':
      case '+':
      case '?':
        return this.#fail('there is nothing to repeat', start);
      case '{':
        return this.#fail('a { that counts nothing must be written as \\{', start);
      default:
        return this.#literal(this.#wholeCharacter(start));
    }
  }

  /** A character with its second half, where it has two in this text. */
  #wholeCharacter(start: number): string {
    const character = String.fromCodePoint(this.#text.codePointAt(start)!);
    this.#at = start + character.length;
    return character;
  }

  #literal(character: string): Part {
    const code = character.codePointAt(0)!;
    if (code < 128) return { out: quoted(character), exact: [character], needed: null };
    if (this.isUnicode) return other(hexEscape(code));
    return bytesPart(utf8Bytes(character));
  }

  #group(start: number): Part {
    if (++this.#depth > MAX_DEPTH) this.#fail(`groups are nested more than ${MAX_DEPTH} deep`, start);
    const open = this.#groupStart(start);
    if (open.endsWith(')')) {
      this.#depth--;
      return anchor(open);
    }
    const inside = this.#alternation();
    if (!this.#take(')')) this.#fail('this ( has no )', start);
    this.#depth--;
    return { ...inside, out: `${open}${inside.out})` };
  }

  /** Reads up to where a group's inside begins; flags that stand alone are whole: they end in `)`. */
  #groupStart(start: number): string {
    if (!this.#take('?')) return '(';
    const rest = this.#text.slice(this.#at, this.#at + 80);
    if (/^(?:=|!|<[=!])/.test(rest)) this.#fail('look-around is not supported', start);
    const name = /^P?<([A-Za-z_][A-Za-z0-9_]*)>/.exec(rest);
    if (name !== null) {
      this.#at += name[0].length;
      return `(?P<${name[1]}>`;
    }
    const flags = /^([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/.exec(rest);
    if (flags === null) return this.#fail('this group is not understood', start);
    const [all, on, off, end] = flags as unknown as [string, string, string | undefined, string];
    for (const flag of on + (off ?? '')) {
      if (!'imsUu'.includes(flag)) this.#fail(`the flag ${flag} is not supported`, start);
    }
    if (on.includes('u') && !this.isUnicode) this.#fail('(?u) counts only at the start of the pattern', start);
    if (off?.includes('u') && this.isUnicode) this.#fail('(?-u) cannot be mixed with (?u)', start);
    this.#at += all.length;
    if (on.includes('i')) this.foldsCase = true;
    const kept = [on.replaceAll('u', ''), (off ?? '').replaceAll('u', '')];
    const spelled = kept[1] === '' ? kept[0]! : `${kept[0]}-${kept[1]}`;
    return spelled === '' && end === ')' ? '(?:)' : `(?${spelled}${end}`;
  }

  #escape(start: number): Part {
    const c = this.#text[this.#at++];
    switch (c) {
      case undefined:
        return this.#fail('the pattern ends in a backslash', start);
      case 'A':
      case 'z':
      case 'b':
      case 'B':
        if (this.#text[this.#at] === '{') this.#fail(`\\${c}{ is not supported`, start);
        return anchor(`\\${c}`);
      case 'd':
      case 'D':
      case 's':
      case 'S':
      case 'w':
      case 'W':
      case 'p':
      case 'P':
        return other(this.#perlClass(c, start, false));
      default:
        return this.#code(this.#escapedCode(c, start), start);
    }
  }

  /** One character by its code: a byte in bytes mode. */
  #code(code: number, start: number): Part {
    if (code < 128) return this.#literal(String.fromCharCode(code));
    if (this.isUnicode) return other(hexEscape(code));
    if (code > 255) this.#fail('a character above \\xFF needs (?u) at the start of the pattern', start);
    return bytesPart(String.fromCharCode(code));
  }

  /** The code of an escape that stands for one character; `c` is what follows the backslash, read already. */
  #escapedCode(c: string, start: number): number {
    const control = ESCAPED_CONTROL[c];
    if (control !== undefined) return control;
    if (c === 'x' || c === 'u' || c === 'U') {
      const digits = c === 'x' ? 2 : c === 'u' ? 4 : 8;
      const hex = new RegExp(`^(?:\\{([0-9a-fA-F]{1,8})\\}|([0-9a-fA-F]{${digits}}))`).exec(
        this.#text.slice(this.#at, this.#at + 12),
      );
      const code = hex === null ? Number.NaN : Number.parseInt(hex[1] ?? hex[2]!, 16);
      if (!(code <= 0x10ffff)) this.#fail(`\\${c} must be followed by hexadecimal digits`, start);
      this.#at += hex![0].length;
      return code;
    }
    if (!/^[!-/:;=?-@[-`{-~ ]$/.test(c)) this.#fail(`\\${c} is not an escape that is known`, start);
    return c.charCodeAt(0);
  }

  /** `\d`, `\s`, `\w`, `\p` and their opposites, alone or inside a class. */
  #perlClass(c: string, start: number, isInside: boolean): string {
    const wrap = (inside: string, isNegated: boolean) => `[${isNegated ? '^' : ''}${inside}]`;
    if (c === 'p' || c === 'P') {
      if (!this.isUnicode) this.#fail('\\p needs (?u) at the start of the pattern', start);
      const name = /^(?:[A-Za-z]|\{\^?[A-Za-z_]+\})/.exec(this.#text.slice(this.#at, this.#at + 60));
      if (name === null) this.#fail(`\\${c} must be followed by the name of a class`, start);
      this.#at += name![0].length;
      return `\\${c}${name![0]}`;
    }
    const isNegated = c < 'a';
    if (!this.isUnicode && c.toLowerCase() !== 's') return `\\${c}`;
    if (!this.isUnicode) {
      if (isInside) return isNegated ? NOT_SPACES : SPACES;
      return wrap(SPACES, isNegated);
    }
    if (c === 'd' || c === 'D') return c === 'd' ? '\\p{Nd}' : '\\P{Nd}';
    if (isInside && isNegated) this.#fail(`\\${c} inside a class is not supported with (?u)`, start);
    const members = c.toLowerCase() === 's' ? UNICODE_SPACES : UNICODE_WORD;
    return isInside ? members : wrap(members, isNegated);
  }

  #characterClass(start: number): string {
    let out = '[';
    if (this.#take('^')) out += '^';
    for (let isFirst = true; ; isFirst = false) {
      const at = this.#at;
      const c = this.#text[this.#at++];
      const next = this.#text[this.#at];
      if (c === undefined) this.#fail('this [ has no ]', start);
      if (c === ']' && !isFirst) return `${out}]`;
      if ((c === '&' || c === '~' || c === '-') && next === c)
        this.#fail(`${c}${c} inside a class is not supported: escape each`, at);
      if (c === '[') out += this.#posixClass(at);
      else if (c === '-') out += '\\-';
      else if (c === '\\' && next !== undefined && 'dDsSwWpP'.includes(next)) {
        this.#at++;
        out += this.#perlClass(next, at, true);
      } else out += this.#classRange(c!, at);
    }
  }

  /** One member of a class, or a range from it to another. */
  #classRange(c: string, at: number): string {
    const low = this.#classCode(c, at);
    if (this.#text[this.#at] !== '-' || this.#text[this.#at + 1] === ']' || this.#text[this.#at + 1] === undefined)
      return hexEscape(low);
    if (this.#text[this.#at + 1] === '-') this.#fail('-- inside a class is not supported: escape each', this.#at);
    const endAt = ++this.#at;
    const end = this.#text[this.#at++]!;
    if (end === '[' || (end === '\\' && 'dDsSwWpP'.includes(this.#text[this.#at] ?? 'd')))
      this.#fail('a range must end in a character', endAt);
    const high = this.#classCode(end, endAt);
    if (high < low) this.#fail('the range is out of order', at);
    return `${hexEscape(low)}-${hexEscape(high)}`;
  }

  #classCode(c: string, at: number): number {
    const code =
      c === '\\'
        ? this.#escapedCode(this.#text[this.#at++] ?? this.#fail('the pattern ends in a backslash', at), at)
        : this.#wholeCharacter(at).codePointAt(0)!;
    const isByte = this.isUnicode || code < (c === '\\' ? 256 : 128);
    if (!isByte) this.#fail('a character above ASCII inside a class needs (?u) at the start of the pattern', at);
    return code;
  }

  #posixClass(at: number): string {
    const name = /^\[:\^?[a-z]+:\]/.exec(this.#text.slice(at, at + 16));
    if (name === null) this.#fail('a [ inside a class must be written as \\[', at);
    this.#at = at + name![0].length;
    return name![0];
  }

  #take(c: string): boolean {
    if (this.#text[this.#at] !== c) return false;
    this.#at++;
    return true;
  }

  #fail(message: string, at: number): never {
    throw new RegexError(message, at);
  }
}

/** A part about whose texts nothing is known. */
function other(out: string): Part {
  return { out, exact: null, needed: null };
}

/** A part that matches no characters. */
function anchor(out: string): Part {
  return { out, exact: [''], needed: null };
}

/** Bytes above ASCII have no case: the engine must not fold them as the letters that they would be in latin1. */
function bytesPart(bytes: string): Part {
  const escapes = [...bytes].map((byte) => hexEscape(byte.charCodeAt(0))).join('');
  return { out: `(?-i:${escapes})`, exact: [bytes], needed: null };
}

function quoted(character: string): string {
  return /[A-Za-z0-9_]/.test(character) ? character : hexEscape(character.charCodeAt(0));
}

function hexEscape(code: number): string {
  return `\\x{${code.toString(16)}}`;
}
