import type { Pins } from './pins.ts';
import type { RefusalCode } from './refusal.ts';

/** PEM text, or the path of a file that holds it; or several of them. */
export type Source = string | readonly string[];

/** What must be shown. */
export interface Requirement {
  /** CA certificates, each trusted by itself, so that a rotation lists the old and the new. A leaf counts only if its fingerprint is pinned. */
  readonly trust?: Source | undefined;
  /** CA certificates that help to find a path and are not trusted by themselves. */
  readonly intermediates?: Source | null | undefined;
  /** Revocation lists. Where there are some, each certificate of the path must be covered by a current one. */
  readonly crl?: Source | null | undefined;
  readonly pin?: Pins | null | undefined;
  /** `clientAuth`: the leaf must name it. By default, a leaf without any extended key usage will do. */
  readonly usage?: 'clientAuth' | null | undefined;
}

/** What must be shown at one host. What it leaves out comes from its level, then from the top of the options. */
export interface HostRule extends Requirement {
  /** Name of the level that is accepted, or several names: any of them will do. */
  readonly level?: string | readonly string[] | undefined;
}

/** What `createGuard` takes. */
export interface GuardOptions extends Requirement {
  /** `observe` lets everybody in and tells what `enforce` would refuse. */
  readonly mode: 'observe' | 'enforce';
  /** By hostname, or `*.` and a hostname for exactly one label more. Any other host is refused. */
  readonly hosts: Readonly<Record<string, HostRule>>;
  /** What each level shows, by the level's name (`hostname`, `zone`, `global`). */
  readonly levels?: Readonly<Record<string, Requirement>> | undefined;
  /** Addresses and CIDR blocks of proxies in front that end TLS and pass the certificate on as `Client-Cert` (RFC 9440). */
  readonly clientCertHeader?: { readonly from: readonly string[] } | undefined;
  /** Told of each request that was refused, or would have been. */
  readonly onRefusal?: ((refusal: Refusal) => void) | undefined;
  /** Told when a file changed and could not be used: what was read before stays in use. */
  readonly onTrustProblem?: ((problem: TrustProblem) => void) | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

/** Who was let in; in mode `observe` also who would not have been. Goes to the application as `request.originPull`. */
export interface OriginPull {
  /** Canonical hostname; null where the request names none. */
  readonly host: string | null;
  /** Name of the level whose requirement was met; null where the host's rule names none, and with `refused`. */
  readonly level: string | null;
  /** SHA-256 of the certificate in hexadecimal; null without one. */
  readonly fingerprint: string | null;
  /** RFC 4514; null without a certificate. */
  readonly subject: string | null;
  /** Only in mode `observe`: why `enforce` would have refused. */
  readonly refused?: RefusalCode;
}

/** One refusal, for a log. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly mode: 'observe' | 'enforce';
  readonly host: string | null;
  /** What the TLS handshake named. */
  readonly serverName: string | null;
  readonly fingerprint: string | null;
  readonly subject: string | null;
  readonly method: string | null;
  readonly remoteAddress: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A change of a file that was not taken. */
export interface TrustProblem {
  /** The host whose rule it is. */
  readonly host: string;
  readonly message: string;
}

const REQUIREMENT = ['trust', 'intermediates', 'crl', 'pin', 'usage'];
const KNOWN = {
  options: [...REQUIREMENT, 'mode', 'hosts', 'levels', 'clientCertHeader', 'onRefusal', 'onTrustProblem', 'now'],
  host: [...REQUIREMENT, 'level'],
  level: REQUIREMENT,
  pin: ['subjects', 'fingerprints', 'publicKeys'],
  clientCertHeader: ['from'],
};

/** Throws where an object has a member that nobody would read: a misspelt `pin` must not go unnoticed. */
export function refuseUnknown(value: object, kind: keyof typeof KNOWN, where: string): void {
  if (typeof value !== 'object' || value === null) throw new Error(`${where} must be an object`);
  const unknown = Object.keys(value).find((key) => !KNOWN[kind].includes(key));
  if (unknown !== undefined) throw new Error(`${where} has "${unknown}", which means nothing there`);
}
