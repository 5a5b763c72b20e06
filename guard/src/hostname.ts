import { domainToASCII } from 'node:url';

const NAME = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/;

/** A hostname in the one form that is compared: lower case, no trailing dot. Null where it is not one. */
export function canonicalHostname(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  return name.length <= 253 && NAME.test(name) ? name : null;
}

/** The hostname of `Host`, of `:authority` or of an absolute target, its port left out. Null where there is none. */
export function hostnameOfAuthority(authority: string): string | null {
  const match = /^([^:]+)(?::\d{0,5})?$/.exec(authority);
  return match === null ? null : canonicalHostname(match[1]!);
}

/** Rules by hostname: exact names before `*.` wildcards, which stand for one label as in certificates (RFC 9525 section 6.3). */
export class HostTable<T> {
  readonly #byName = new Map<string, T>();

  /** Adds a rule. Throws where the name is malformed or there already. */
  add(pattern: string, value: T): void {
    const wildcard = pattern.startsWith('*.');
    const name = canonicalHostname(domainToASCII(wildcard ? pattern.slice(2) : pattern));
    if (name === null || /^[\d.]+$/.test(name))
      throw new Error(`"hosts" names ${JSON.stringify(pattern)}, which is neither a hostname nor "*." and a hostname`);
    const key = wildcard ? `*.${name}` : name;
    if (this.#byName.has(key)) throw new Error(`"hosts" names "${key}" twice`);
    this.#byName.set(key, value);
  }

  /** The rule for a canonical hostname. */
  find(hostname: string): T | undefined {
    return this.#byName.get(hostname) ?? this.#byName.get(hostname.replace(/^[^.]+/, '*'));
  }

  get size(): number {
    return this.#byName.size;
  }

  values(): IterableIterator<T> {
    return this.#byName.values();
  }
}
