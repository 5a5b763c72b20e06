import tls, { type SecureContext } from 'node:tls';
import { canonicalHostname, type ServerCertificateEntry, type SnapshotIndex } from '../core/mod.ts';
import type { Unseal } from './identity-contexts.ts';

/** Asks for a certificate for a name (a hostname, or `*.parent`) that has none yet. False where it is not one of ours. */
export type RequestCertificate = (name: string) => Promise<boolean>;

interface Cached {
  readonly entry: ServerCertificateEntry;
  readonly context: SecureContext;
}

const MAX_CONTEXTS = 8192;

/** TLS contexts toward visitors, by server name; made on first use, bounded. */
export class ServerContexts {
  readonly #index: SnapshotIndex;
  readonly #unseal: Unseal;
  readonly #request: RequestCertificate;
  readonly #contexts = new Map<string, Cached>();

  constructor(index: SnapshotIndex, unseal: Unseal, request: RequestCertificate) {
    this.#index = index;
    this.#unseal = unseal;
    this.#request = request;
  }

  /** The context for a server name as the visitor sent it; null where this edge does not serve it. */
  async find(serverName: string): Promise<SecureContext | null> {
    const hostname = canonicalHostname(serverName);
    if (hostname === null) return null;
    const name = this.#index.certificateName(hostname);
    if (name === null) return null;
    return this.#lookUp(name) ?? ((await this.#request(name)) ? this.#lookUp(name) : null);
  }

  #lookUp(name: string): SecureContext | null {
    const entry = this.#index.serverCertificate(name);
    return entry === undefined ? null : this.#contextOf(entry);
  }

  #contextOf(entry: ServerCertificateEntry): SecureContext {
    const cached = this.#contexts.get(entry.hostname);
    if (cached?.entry === entry) return cached.context;
    const key = this.#unseal(entry.privateKey, `server_certificate:${entry.hostname}`);
    const context = tls.createSecureContext({ cert: entry.certificate, key, minVersion: 'TLSv1.2' });
    const oldest = this.#contexts.size >= MAX_CONTEXTS ? this.#contexts.keys().next().value : undefined;
    if (oldest !== undefined) this.#contexts.delete(oldest);
    this.#contexts.set(entry.hostname, { entry, context });
    return context;
  }
}
