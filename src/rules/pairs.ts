/** Names and values in order, and the same as a map: what header fields, arguments and form fields are. */
export class Pairs {
  /** What they were read from. */
  readonly source: unknown;
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly #keyOf: ((name: string) => string) | null;
  #map: ReadonlyMap<string, readonly string[]> | null = null;

  constructor(
    source: unknown,
    names: readonly string[],
    values: readonly string[],
    keyOf: ((name: string) => string) | null = null,
  ) {
    this.source = source;
    this.names = names;
    this.values = values;
    this.#keyOf = keyOf;
  }

  /** The values of each name, in order. */
  get map(): ReadonlyMap<string, readonly string[]> {
    if (this.#map !== null) return this.#map;
    const map = new Map<string, string[]>();
    for (const [index, name] of this.names.entries()) {
      const key = this.#keyOf === null ? name : this.#keyOf(name);
      const before = map.get(key);
      if (before === undefined) map.set(key, [this.values[index]!]);
      else before.push(this.values[index]!);
    }
    this.#map = map;
    return map;
  }
}

/** Reads `name=value&name=value`, and decodes nothing (spec/waf.md 1.4). */
export function readArguments(text: string): Pairs {
  const names: string[] = [];
  const values: string[] = [];
  for (const part of text === '' ? [] : text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    names.push(equals < 0 ? part : part.slice(0, equals));
    values.push(equals < 0 ? '' : part.slice(equals + 1));
  }
  return new Pairs(text, names, values);
}

/** Reads a `Cookie` field: names are URL-decoded, values are not (spec/waf.md 1.4). */
export function readCookies(text: string): Pairs {
  const names: string[] = [];
  const values: string[] = [];
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim();
    if (name === '' && equals < 0) continue;
    names.push(name.replace(/%[0-9a-fA-F]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))));
    values.push(equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  return new Pairs(text, names, values);
}
