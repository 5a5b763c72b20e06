import { Buffer } from 'node:buffer';
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
  readonly deriveTicketKeys: DeriveTicketKeys;
  readonly logger: Logger | null;
  readonly now: () => number;
}

type Entry = ServerCertificateEntry | CustomCertificateEntry;

/** Derives the ticket keys of a context (`x509.deriveTicketKeys`): the first 16 bytes are the name that its tickets begin with. */
export type DeriveTicketKeys = (secret: Uint8Array, scope: string, certificate: string) => Uint8Array;

interface Cached {
  readonly entry: Entry;
  readonly context: SecureContext;
  /** What its tickets begin with; null where the keys are the library's own. */
  readonly ticketName: Uint8Array | null;
}

/** What is the same for all visitors of a name. */
interface Served {
  /** Canonical. */
  readonly hostname: string;
  readonly policy: TlsPolicy;
  /** Uploaded certificates for exactly the name, and those for a wildcard: the first that are of use count. */
  readonly uploaded: readonly (readonly CustomCertificateEntry[])[];
  /** Of the certificate that is issued for it; null where none can be. */
  readonly certificateName: string | null;
}

const MAX_CONTEXTS = 8192;
const MAX_SERVED = 4096;
const TICKET_NAME = 16;

/**
 * TLS contexts toward visitors, by server name and by what the visitor can verify; made on first use, bounded. A context
 * has ticket keys of its own, derived from secrets that all workers share: a session resumes at each of them, and only
 * under the certificate and the versions that it was made with.
 */
export class ServerContexts {
  readonly #options: ServerContextsOptions;
  readonly #contexts = new Map<string, Cached>();
  /** By server name as sent, so that a usual one costs one look-up. Only names that are served; bounded. */
  readonly #served = new Map<string, Served>();
  /** The newest first. None: the library makes keys of its own, which nobody shares. */
  #secrets: readonly Uint8Array[] = [];

  constructor(options: ServerContextsOptions) {
    this.#options = options;
  }

  /** Takes the secrets of ticket keys, the newest first. Sessions of those that are left out end. */
  useTicketSecrets(secrets: readonly Uint8Array[]): void {
    this.#secrets = secrets;
    this.#contexts.clear();
  }

  /**
   * The context for a visitor; null where this edge does not serve the name. An uploaded certificate goes before an
   * issued one, one for exactly the name before a wildcard's, ECDSA before RSA; what the visitor cannot verify is passed
   * over. A promise only where a certificate must be made first.
   */
  find(hello: ClientHello): ServerContext | null | Promise<ServerContext | null> {
    const { index, request } = this.#options;
    const served = hello.serverName === null ? null : this.#serve(hello.serverName);
    if (served === null) return null;
    const { hostname, policy, certificateName: name } = served;
    const accepts = (key: ServerKey) => acceptsKey(hello, key, policy);
    const uploaded = this.#uploaded(served, accepts);
    if (uploaded !== undefined) return this.#meet(hostname, uploaded, policy, hello);
    if (name === null) return null;
    // Nobody makes an RSA key for a visitor who could not use that either.
    const algorithm = accepts('P-256') || !accepts('RSA') ? 'ecdsa' : 'rsa';
    const issued = index.serverCertificate(name, algorithm);
    if (issued !== undefined) return this.#meet(hostname, issued, policy, hello);
    return request(name, algorithm).then(() => {
      const made = index.serverCertificate(name, algorithm);
      return made === undefined ? null : this.#meet(hostname, made, policy, hello);
    });
  }

  /** Forgets what was concluded from the state before. */
  follow(): void {
    this.#served.clear();
  }

  #serve(serverName: string): Served | null {
    const known = this.#served.get(serverName);
    if (known !== undefined) return known;
    const { index } = this.#options;
    const hostname = canonicalHostname(serverName);
    const zone = hostname === null ? undefined : index.zoneOf(hostname);
    if (hostname === null || zone === undefined || index.originOf(zone.id, hostname) === undefined) return null;
    const wildcard = `*${hostname.slice(hostname.indexOf('.'))}`;
    const served = {
      hostname,
      policy: tlsPolicy(zone),
      uploaded: [hostname, wildcard].map((name) => index.customCertificates(zone.id, name)),
      certificateName: index.certificateName(hostname),
    };
    if (this.#served.size < MAX_SERVED) this.#served.set(serverName, served);
    return served;
  }

  #uploaded({ uploaded }: Served, accepts: (key: ServerKey) => boolean): CustomCertificateEntry | undefined {
    const now = this.#options.now();
    for (const certificates of uploaded) {
      const usable = certificates.filter(({ key, expiresAt }) => expiresAt > now && accepts(key));
      if (usable.length > 0) return usable.find(({ key }) => key !== 'RSA') ?? usable[0];
    }
    return undefined;
  }

  #meet(hostname: string, entry: Entry, policy: TlsPolicy, { ticket }: ClientHello): ServerContext | null {
    try {
      return { hostname, context: this.#contextFor(entry, policy, ticket), alpn: policy.alpn };
    } catch (error) {
      this.#options.logger?.error({ hostname, reason: (error as Error).message }, 'a visitor certificate is unusable');
      return null;
    }
  }

  /** A context makes and opens tickets of one secret: whoever brings one of an older secret meets that one's context. */
  #contextFor(entry: Entry, policy: TlsPolicy, ticket: Uint8Array | null): SecureContext {
    const [newest, ...older] = this.#secrets;
    const current = this.#contextOf(entry, policy, newest);
    if (ticket === null || current.ticketName === null || beginsWith(ticket, current.ticketName))
      return current.context;
    const secret = older.find((one) =>
      beginsWith(ticket, this.#ticketKeys(one, entry, policy).subarray(0, TICKET_NAME)),
    );
    return secret === undefined ? current.context : this.#contextOf(entry, policy, secret).context;
  }

  #contextOf(entry: Entry, policy: TlsPolicy, secret: Uint8Array | undefined): Cached {
    const key = `${this.#scopeOf(entry, policy)} ${secret === undefined ? -1 : this.#secrets.indexOf(secret)}`;
    const cached = this.#contexts.get(key);
    if (cached?.entry === entry) return cached;
    const { minVersion, maxVersion } = policy;
    const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
    const ciphers = isOld ? oldTlsCiphers() : undefined;
    const ticketKeys = secret === undefined ? undefined : this.#ticketKeys(secret, entry, policy);
    const context = tls.createSecureContext({
      cert: entry.certificate,
      key: this.#options.unseal(entry.privateKey, keyOf(entry)),
      // Where no intermediates were uploaded, the libraries look for them among all trusted CAs, anew in every handshake.
      ca: [entry.certificate],
      minVersion,
      maxVersion,
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
    });
    const oldest = this.#contexts.size >= MAX_CONTEXTS ? this.#contexts.keys().next().value : undefined;
    if (oldest !== undefined) this.#contexts.delete(oldest);
    const made = { entry, context, ticketName: ticketKeys?.subarray(0, TICKET_NAME) ?? null };
    this.#contexts.set(key, made);
    return made;
  }

  #ticketKeys(secret: Uint8Array, entry: Entry, policy: TlsPolicy): Uint8Array {
    return this.#options.deriveTicketKeys(secret, this.#scopeOf(entry, policy), entry.certificate);
  }

  /** Whatever a session must not be carried across. */
  #scopeOf(entry: Entry, { minVersion, maxVersion }: TlsPolicy): string {
    return `${minVersion} ${maxVersion} ${keyOf(entry)}`;
  }
}

function beginsWith(data: Uint8Array, start: Uint8Array): boolean {
  return Buffer.compare(data.subarray(0, start.length), start) === 0;
}
