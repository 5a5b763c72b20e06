import type { ResolvedAddress, ResolveName } from '../platform/mod.ts';

/** What `net.connect` takes for its option `lookup`. */
type LookupCallback = (error: Error | null, address?: string | readonly ResolvedAddress[], family?: number) => void;

interface Known {
  readonly expiresAt: number;
  /** In the order to be tried. */
  addresses: readonly ResolvedAddress[];
}

const MAX_NAMES = 10_000;
/** Bounds of what a TTL may ask for, and how long it is kept that a name has no address. Milliseconds. */
const SHORTEST = 1_000;
const LONGEST = 3_600_000;
const NEGATIVE = 5_000;

/**
 * Addresses of origins that are given by name: kept for their TTL, IPv6 and IPv4 by turns (RFC 8305 section 4), and of
 * those the one first that worked last. A name is asked for once at a time, however many requests wait for it.
 */
export class OriginNames {
  readonly #resolve: ResolveName;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<Known>>();

  constructor(resolve: ResolveName, now: () => number) {
    this.#resolve = resolve;
    this.#now = now;
  }

  /** For the option `lookup` of a connection. */
  readonly lookup = (name: string, options: { readonly all?: boolean }, callback: LookupCallback): void => {
    this.#find(name).then(
      ({ addresses }) => {
        const [first] = addresses;
        if (first === undefined) callback(dnsError('ENOTFOUND', `${name} has no address`));
        else if (options.all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(dnsError('EAI_AGAIN', error.message)),
    );
  };

  /** True where a name is known to have more than one address. */
  hasSeveral(name: string): boolean {
    return (this.#known.get(name)?.addresses.length ?? 0) > 1;
  }

  /** The connection to this address of the name came to stand: it is tried first from now on. */
  worked(name: string, address: string): void {
    this.#reorder(name, (is) => (is === address ? 0 : 1));
  }

  /** It did not: it is tried last. */
  failed(name: string, address: string): void {
    this.#reorder(name, (is) => (is === address ? 1 : 0));
  }

  #reorder(name: string, rank: (address: string) => number): void {
    const known = this.#known.get(name);
    if (known !== undefined && known.addresses.length > 1)
      known.addresses = known.addresses.toSorted((a, b) => rank(a.address) - rank(b.address));
  }

  #find(name: string): Promise<Known> {
    const known = this.#known.get(name);
    if (known !== undefined && known.expiresAt > this.#now()) return Promise.resolve(known);
    const asking = this.#asking.get(name) ?? this.#ask(name, known).finally(() => this.#asking.delete(name));
    this.#asking.set(name, asking);
    return asking;
  }

  async #ask(name: string, last: Known | undefined): Promise<Known> {
    const addresses = byTurns(await this.#resolve(name));
    const ttl = Math.min(...addresses.map((address) => address.ttl * 1000), LONGEST);
    const known = { addresses, expiresAt: this.#now() + (addresses.length === 0 ? NEGATIVE : Math.max(ttl, SHORTEST)) };
    this.#known.delete(name);
    const oldest = this.#known.size >= MAX_NAMES ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(name, known);
    const preferred = last?.addresses[0];
    if (preferred !== undefined && addresses.some(({ address }) => address === preferred.address))
      this.worked(name, preferred.address);
    return known;
  }
}

/** IPv6 first, then by turns; within a family as the answer had them. */
function byTurns(addresses: readonly ResolvedAddress[]): readonly ResolvedAddress[] {
  const [six, four] = [6, 4].map((family) => addresses.filter((address) => address.family === family));
  const longest = Math.max(six!.length, four!.length);
  return Array.from({ length: longest }, (_, i) => [six![i], four![i]])
    .flat()
    .filter((address) => address !== undefined);
}

function dnsError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
