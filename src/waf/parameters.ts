/** A rule that the edge cannot carry out: the API should have refused it. */
export class UnusableRule extends Error {
  override readonly name = 'UnusableRule';
}

/** Members of an `action_parameters` or `ratelimit` object, read strictly: what is not understood is an error. */
export class Parameters {
  readonly #where: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(where: string, values: unknown, known: readonly string[]) {
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new UnusableRule(`${where} is not an object`);
    for (const name of Object.keys(values)) {
      if (!known.includes(name)) throw new UnusableRule(`${where}.${name} is not supported`);
    }
    this.#where = where;
    this.#values = values as Record<string, unknown>;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  text(name: string): string {
    return this.#read(name, 'string') as string;
  }

  number(name: string): number {
    return this.#read(name, 'number') as number;
  }

  flag(name: string): boolean {
    return this.has(name) && (this.#read(name, 'boolean') as boolean);
  }

  /** A list of texts; empty where it is missing. */
  texts(name: string): readonly string[] {
    const value = this.#values[name] ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw this.#wrong(name);
    return value as string[];
  }

  /** A list of objects; empty where it is missing. */
  list(name: string, known: readonly string[]): readonly Parameters[] {
    const value = this.#values[name] ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name);
    return value.map((item, i) => new Parameters(`${this.#where}.${name}[${i}]`, item, known));
  }

  object(name: string, known: readonly string[]): Parameters {
    return new Parameters(`${this.#where}.${name}`, this.#values[name], known);
  }

  /** The members of a map with free names. */
  entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.#values[name];
    if (value === undefined || value === null) return [];
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(name);
    return Object.entries(value);
  }

  #read(name: string, type: string): unknown {
    const value = this.#values[name];
    if (typeof value !== type) throw this.#wrong(name);
    return value;
  }

  #wrong(name: string): UnusableRule {
    return new UnusableRule(`${this.#where}.${name} is missing or of the wrong type`);
  }
}
