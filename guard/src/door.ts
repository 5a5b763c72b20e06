import { BoundedMap } from './bounded-map.ts';
import type { Certificate } from './certificate.ts';
import type { Requirement } from './options.ts';
import { findPath, type VerifiedPath } from './path.ts';
import type { Peer } from './peer.ts';
import { matchesPins } from './pins.ts';
import { type Policy, readPolicy } from './policy.ts';
import type { RefusalCode } from './refusal.ts';

const MAX_REMEMBERED = 256;

/**
 * One requirement in use: what it names, read from its files, and the verdicts on certificates that met it. What did not meet
 * it is not remembered here: strangers must not push anybody out.
 */
export class Door {
  readonly #requirement: Requirement;
  #policy: Policy;
  #accepted = new BoundedMap<string, VerifiedPath>(MAX_REMEMBERED);
  // What came with a leaf that was accepted. After a resumed handshake, and after new trust, nobody shows it again.
  readonly #companions = new BoundedMap<string, readonly Certificate[]>(MAX_REMEMBERED);

  constructor(requirement: Requirement, now: number) {
    this.#requirement = requirement;
    this.#policy = readPolicy(requirement, now);
  }

  /** Reads the files again and forgets all verdicts. Throws, and keeps what it had, where they cannot be used. */
  reload(now: number): void {
    this.#policy = readPolicy(this.#requirement, now);
    this.#accepted = new BoundedMap(MAX_REMEMBERED);
  }

  /** Null where the peer meets the requirement at `now`, in milliseconds since the epoch. */
  refusalOf({ leaf, presented }: Peer, now: number): RefusalCode | null {
    const { fingerprint } = leaf;
    const remembered = this.#accepted.get(fingerprint);
    if (remembered !== undefined && remembered.from <= now && now <= remembered.until) return null;
    this.#accepted.delete(fingerprint);
    const companions = [...presented(), ...(this.#companions.get(fingerprint) ?? [])];
    const path = findPath(leaf, companions, this.#policy, now);
    if (typeof path === 'string') return path;
    if (this.#policy.pins !== null && !matchesPins(leaf, this.#policy.pins)) return 'certificate_not_pinned';
    this.#accepted.set(fingerprint, path);
    this.#companions.set(fingerprint, path.certificates.slice(1));
    return null;
  }
}
