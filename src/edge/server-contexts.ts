import tls, { type SecureContext } from 'node:tls';
import { canonicalHostname, type ServerCertificateEntry, type SnapshotIndex } from '../core/mod.ts';
import { oldTlsCiphers } from '../platform/mod.ts';
import type { Unseal } from './identity-contexts.ts';
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts';

/** Asks for a certificate for a name (a hostname, or `*.parent`) that has none yet. False where it is not one of ours. */
export type RequestCertificate = (name: string) => Promise<boolean>;

/** How visitors of one name are met. */
export interface ServerContext {
  /** Canonical. */
  readonly hostname: string;
  readonly context: SecureContext;
  readonly alpn: readonly string[];
}

interface Cached {
  readonly entry: ServerCertificateEntry;
  readonly context: SecureContext;
}

const MAX_CONTEXTS = 8192;

/**
 * TLS contexts toward visitors, by server name; made on first use, bounded. A context has the ticket keys of its own:
 * a session resumes only under the certificate and the versions that it was made with.
 */
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

  /**
   * The context for a server name as the visitor sent it; null where this edge does not serve it. A promise only
   * where a certificate must be made first.
   */
  find(serverName: string): ServerContext | null | Promise<ServerContext | null> {
    const hostname = canonicalHostname(serverName);
    const name = hostname === null ? null : this.#index.certificateName(hostname);
    if (hostname === null || name === null) return null;
    return (
      this.#lookUp(hostname, name) ?? this.#request(name).then((made) => (made ? this.#lookUp(hostname, name) : null))
    );
  }

  #lookUp(hostname: string, name: string): ServerContext | null {
    const entry = this.#index.serverCertificate(name);
    const zone = this.#index.zoneOf(hostname);
    if (entry === undefined || zone === undefined) return null;
    const policy = tlsPolicy(zone);
    return { hostname, context: this.#contextOf(entry, policy), alpn: policy.alpn };
  }

  #contextOf(entry: ServerCertificateEntry, { minVersion, maxVersion }: TlsPolicy): SecureContext {
    const key = `${minVersion} ${maxVersion} ${entry.hostname}`;
    const cached = this.#contexts.get(key);
    if (cached?.entry === entry) return cached.context;
    const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
    const ciphers = isOld ? oldTlsCiphers() : undefined;
    const context = tls.createSecureContext({
      cert: entry.certificate,
      key: this.#unseal(entry.privateKey, `server_certificate:${entry.hostname}`),
      minVersion,
      maxVersion,
      ...(ciphers === undefined ? {} : { ciphers }),
    });
    const oldest = this.#contexts.size >= MAX_CONTEXTS ? this.#contexts.keys().next().value : undefined;
    if (oldest !== undefined) this.#contexts.delete(oldest);
    this.#contexts.set(key, { entry, context });
    return context;
  }
}
