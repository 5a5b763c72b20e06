import { type Enforcement, formatSeconds, type OriginProof } from '../core/mod.ts';

/** What is known of whether a hostname's origin demands the edge's certificate. Plain data; times are RFC 3339. */
export interface OriginProofState {
  /** `not_tried` where nobody presented a certificate to it lately. */
  readonly state: Enforcement | 'not_tried';
  /** When that was found out; null where it was not. */
  readonly at: string | null;
  /** One sentence. */
  readonly text: string;
  readonly addresses: readonly { readonly address: string; readonly state: Enforcement; readonly at: string }[];
}

const MAX_HOSTNAMES = 50_000;
/** What was found out longer ago says nothing any more, milliseconds. */
const KEPT = 2 * 3_600_000 + 60_000;

const TEXTS: Readonly<Record<OriginProofState['state'], string>> = {
  enforced: 'Presented and enforced: the origin refused a connection without a certificate.',
  not_enforced: 'Presented, not enforced: the origin let a connection without a certificate in, so nothing is proven.',
  unknown: 'Presented; whether it is enforced could not be told from one connection: run countersign doctor.',
  not_tried: 'Not tried: the edge has presented no certificate to this origin lately.',
};

/** What the workers found out about origins, by zone and hostname; the newest of each address. */
export class KnownProofs {
  readonly #now: () => number;
  readonly #known = new Map<string, Map<string, OriginProof>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes what a worker found out. */
  add(proofs: readonly OriginProof[]): void {
    for (const proof of proofs) {
      const key = keyOf(proof.zoneId, proof.hostname);
      // Names may have other addresses every time.
      const fresh = this.#fresh(this.#known.get(key)).map((one) => [one.address, one] as const);
      const known = new Map(fresh);
      // What changed last stands last, so that the first is the oldest.
      this.#known.delete(key);
      if (this.#known.size >= MAX_HOSTNAMES) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(key, known.set(proof.address, proof));
    }
  }

  /** What is known of a hostname's origin. An origin is as closed as its most open address. */
  of(zoneId: string, hostname: string): OriginProofState {
    const proofs = this.#fresh(this.#known.get(keyOf(zoneId, hostname)));
    const state = worst(proofs);
    return {
      state,
      at: proofs.length === 0 ? null : formatSeconds(Math.min(...proofs.map(({ at }) => at))),
      text: TEXTS[state],
      addresses: proofs.map(({ address, enforcement, at }) => ({ address, state: enforcement, at: formatSeconds(at) })),
    };
  }

  /** How many addresses do what, of the zones that `isMeant` names. */
  counts(isMeant: (zoneId: string) => boolean = () => true): Readonly<Record<Enforcement, number>> {
    const counts = { enforced: 0, not_enforced: 0, unknown: 0 };
    for (const known of this.#known.values()) {
      for (const { zoneId, enforcement } of this.#fresh(known)) if (isMeant(zoneId)) counts[enforcement]++;
    }
    return counts;
  }

  #fresh(known: ReadonlyMap<string, OriginProof> | undefined): OriginProof[] {
    const since = this.#now() - KEPT;
    return [...(known?.values() ?? [])].filter(({ at }) => at > since);
  }
}

function worst(proofs: readonly OriginProof[]): OriginProofState['state'] {
  const has = (enforcement: Enforcement) => proofs.some((proof) => proof.enforcement === enforcement);
  if (has('not_enforced')) return 'not_enforced';
  if (has('unknown')) return 'unknown';
  return has('enforced') ? 'enforced' : 'not_tried';
}

function keyOf(zoneId: string, hostname: string): string {
  return `${zoneId} ${hostname}`;
}
