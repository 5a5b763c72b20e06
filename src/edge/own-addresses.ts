import { isIPv6, type LookupFunction } from 'node:net';
import type { LocalAddresses } from '../platform/mod.ts';
import { canonicalIPv6 } from './ipv6-text.ts';

/** The `code` of the error with which `OwnAddresses.guard` ends a look-up. */
export const OWN_ADDRESS = 'OWN_ADDRESS';

/** Where an edge listens itself: an origin there would be the edge asking itself, without end. */
export class OwnAddresses {
  readonly #localAddresses: LocalAddresses;
  readonly #listeners: { readonly address: string; readonly port: number }[] = [];

  constructor(localAddresses: LocalAddresses) {
    this.#localAddresses = localAddresses;
  }

  /** Notes a listener; one at `0.0.0.0` or `::` listens on every address of the machine. */
  add(address: string, port: number): void {
    this.#listeners.push({ address: plain(address), port });
  }

  /** True where a connection to this address and port reaches one of the listeners. */
  has(address: string, port: number): boolean {
    const listeners = this.#listeners.filter((listener) => listener.port === port);
    if (listeners.length === 0) return false;
    const target = reached(plain(address));
    return listeners.some((listener) => listener.address === target || this.#reaches(listener.address, target));
  }

  /** A look-up that fails where one of the addresses found is the edge's own. */
  guard(lookup: LookupFunction, port: number): LookupFunction {
    return (name, options, callback) =>
      lookup(name, options, (error, found, family) => {
        const addresses = typeof found === 'string' ? [{ address: found }] : (found ?? []);
        if (error === null && addresses.some(({ address }) => this.has(address, port)))
          callback(Object.assign(new Error(`${name} is this edge itself`), { code: OWN_ADDRESS }), '');
        else callback(error, found, family);
      });
  }

  #reaches(listener: string, target: string): boolean {
    if (listener !== '::' && !(listener === '0.0.0.0' && !isIPv6(target))) return false;
    return target.startsWith('127.') || target === '::1' || this.#localAddresses().map(plain).includes(target);
  }
}

/** One spelling for each address. */
function plain(address: string): string {
  return isIPv6(address) ? canonicalIPv6(address.replace(/%.*/, '')) : address;
}

/** Systems take a connection to no address in particular for one to themselves. */
function reached(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
