import tls, { type SecureContext } from 'node:tls';
import type { SnapshotIndex } from '../core/mod.ts';
import type { Logger } from '../observe/mod.ts';
import { createTrustingContext } from '../platform/mod.ts';

/** Opens a sealed private key. Throws where the key or the context is not the right one. */
export type Unseal = (sealed: string, context: string) => string;

const MAX_CONTEXTS = 4096;

/**
 * TLS contexts toward origins, by client identity and trust; made on first use, bounded. Pools keep theirs for as
 * long as they live, so dropping one here costs nothing but making it again.
 */
export class IdentityContexts {
  readonly #index: SnapshotIndex;
  readonly #unseal: Unseal;
  readonly #logger: Logger | null;
  readonly #contexts = new Map<string, SecureContext>();

  constructor(index: SnapshotIndex, unseal: Unseal, logger: Logger | null) {
    this.#index = index;
    this.#unseal = unseal;
    this.#logger = logger;
  }

  /** The context for this identity (null: no client certificate). Undefined where the identity cannot be used. */
  get(identityId: string | null, verify: boolean): SecureContext | undefined {
    const key = `${identityId ?? ''} ${verify}`;
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const made = this.#make(identityId, verify);
    if (made !== undefined) {
      const oldest = this.#contexts.size >= MAX_CONTEXTS ? this.#contexts.keys().next().value : undefined;
      if (oldest !== undefined) this.#contexts.delete(oldest);
      this.#contexts.set(key, made);
    }
    return made;
  }

  /** Forgets the contexts of identities that the snapshot no longer holds. */
  follow(): void {
    for (const key of this.#contexts.keys()) {
      const id = key.slice(0, key.indexOf(' '));
      if (id !== '' && this.#index.identity(id) === undefined) this.#contexts.delete(key);
    }
  }

  #make(identityId: string | null, verify: boolean): SecureContext | undefined {
    if (identityId === null) return this.#create({}, verify);
    const identity = this.#index.identity(identityId);
    if (identity === undefined) return undefined;
    try {
      const key = this.#unseal(identity.privateKey, `identity:${identityId}`);
      return this.#create({ cert: identity.certificate, key }, verify);
    } catch (error) {
      this.#logger?.error({ identityId, reason: (error as Error).message }, 'a client identity cannot be used');
      return undefined;
    }
  }

  #create(pair: { readonly cert?: string; readonly key?: string }, verify: boolean): SecureContext {
    const options = { ...pair, minVersion: 'TLSv1.2' } as const;
    // Nothing is verified in mode full: the trust would only cost memory. An empty list keeps the runtime's own out.
    if (!verify) return tls.createSecureContext({ ...options, ca: [] });
    return createTrustingContext(options, this.#index.installation()?.root ?? '');
  }
}
