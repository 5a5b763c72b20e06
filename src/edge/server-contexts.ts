import tls, { type SecureContext } from 'node:tls';
import {
  type CustomCertificateEntry,
  canonicalHostname,
  keyOf,
  type ServerAlgorithm,
  type ServerCertificateEntry,
  type ServerKey,
  type SnapshotIndex,
} from '../core/mod.ts';
import type { Logger } from '../observe/mod.ts';
import { oldTlsCiphers } from '../platform/mod.ts';
import type { ClientHello } from './client-hello.ts';
import type { Unseal } from './identity-contexts.ts';
import { acceptsKey } from './key-offer.ts';
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts';

/** Asks for a certificate for a name (a hostname, or `*.parent`) that has none yet. False where it is not one of ours. */
export type RequestCertificate = (name: string, algorithm: ServerAlgorithm) => Promise<boolean>;

/** How visitors of one name are met. */
export interface ServerContext {
  /** Canonical. */
  readonly hostname: string;
  readonly context: SecureContext;
  readonly alpn: readonly string[];
}

/** What `ServerContexts` works with. */
export interface ServerContextsOptions {
  readonly index: SnapshotIndex;
  readonly unseal: Unseal;
  readonly request: RequestCertificate;
  readonly logger: Logger | null;
  readonly now: () => number;
}

type Entry = ServerCertificateEntry | CustomCertificateEntry;

interface Cached {
  readonly entry: Entry;
  readonly context: SecureContext;
}

const MAX_CONTEXTS = 8192;

/**
 * TLS contexts toward visitors, by server name and by what the visitor can verify; made on first use, bounded. A context
 * has the ticket keys of its own: a session resumes only under the certificate and the versions that it was made with.
 */
export class ServerContexts {
  readonly #options: ServerContextsOptions;
  readonly #contexts = new Map<string, Cached>();

  constructor(options: ServerContextsOptions) {
    this.#options = options;
  }

  /**
   * The context for a visitor; null where this edge does not serve the name. An uploaded certificate goes before an
   * issued one, one for exactly the name before a wildcard's, ECDSA before RSA; what the visitor cannot verify is passed
   * over. A promise only where a certificate must be made first.
   */
  find(hello: ClientHello): ServerContext | null | Promise<ServerContext | null> {
    const { index, request } = this.#options;
    const hostname = hello.serverName === null ? null : canonicalHostname(hello.serverName);
    const zone = hostname === null ? undefined : index.zoneOf(hostname);
    if (hostname === null || zone === undefined || index.originOf(zone.id, hostname) === undefined) return null;
    const policy = tlsPolicy(zone);
    const accepts = (key: ServerKey) => acceptsKey(hello, key, policy);
    const uploaded = this.#uploaded(zone.id, hostname, accepts);
    if (uploaded !== undefined) return this.#meet(hostname, uploaded, policy);
    const name = index.certificateName(hostname);
    if (name === null) return null;
    // Nobody makes an RSA key for a visitor who could not use that either.
    const algorithm = accepts('P-256') || !accepts('RSA') ? 'ecdsa' : 'rsa';
    const issued = index.serverCertificate(name, algorithm);
    if (issued !== undefined) return this.#meet(hostname, issued, policy);
    return request(name, algorithm).then(() => {
      const made = index.serverCertificate(name, algorithm);
      return made === undefined ? null : this.#meet(hostname, made, policy);
    });
  }

  #uploaded(
    zoneId: string,
    hostname: string,
    accepts: (key: ServerKey) => boolean,
  ): CustomCertificateEntry | undefined {
    const { index, now } = this.#options;
    for (const host of [hostname, `*${hostname.slice(hostname.indexOf('.'))}`]) {
      const usable = index
        .customCertificates(zoneId, host)
        .filter(({ key, expiresAt }) => expiresAt > now() && accepts(key));
      if (usable.length > 0) return usable.find(({ key }) => key !== 'RSA') ?? usable[0];
    }
    return undefined;
  }

  #meet(hostname: string, entry: Entry, policy: TlsPolicy): ServerContext | null {
    try {
      return { hostname, context: this.#contextOf(entry, policy), alpn: policy.alpn };
    } catch (error) {
      this.#options.logger?.error({ hostname, reason: (error as Error).message }, 'a visitor certificate is unusable');
      return null;
    }
  }

  #contextOf(entry: Entry, { minVersion, maxVersion }: TlsPolicy): SecureContext {
    const key = `${minVersion} ${maxVersion} ${keyOf(entry)}`;
    const cached = this.#contexts.get(key);
    if (cached?.entry === entry) return cached.context;
    const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
    const ciphers = isOld ? oldTlsCiphers() : undefined;
    const context = tls.createSecureContext({
      cert: entry.certificate,
      key: this.#options.unseal(entry.privateKey, keyOf(entry)),
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
