import type { Level } from '../../core/mod.ts';

/** `observe` asks for the client certificate, reports it and lets everybody in; `enforce` refuses everybody else. */
export const STAGES = ['observe', 'enforce'] as const;
export type Stage = (typeof STAGES)[number];

/** What an origin has for those whom it lets in: a server behind it, or files. */
export type Content =
  | { readonly kind: 'backend'; readonly host: string; readonly port: number }
  | { readonly kind: 'files'; readonly root: string };

/** An application beside the server. */
export const LOCAL_BACKEND: Content = { kind: 'backend', host: '127.0.0.1', port: 8080 };

/** What an origin must trust and serve: everything that a configuration is made of. Paths are paths on the origin. */
export interface OriginDescription {
  /** Canonical spelling (core's `canonicalHostname`), at least one. */
  readonly hostnames: readonly string[];
  readonly level: Level;
  readonly stage: Stage;
  /** PEM of the CAs whose clients are let in; several during a rotation. */
  readonly trust: string;
  /** PEM of the origin's own certificate, with its chain. */
  readonly certificate: string;
  readonly key: string;
  readonly content: Content;
  /** Addresses to listen on, IPv4 and IPv6 (without brackets). */
  readonly addresses: readonly string[];
  readonly httpsPort: number;
  readonly httpPort: number;
  /** Where the origin writes what it was shown. */
  readonly log: string;
}

/** A known hole of a server, and the versions that have it. */
export interface Warning {
  readonly cve: string;
  readonly versions: string;
  readonly text: string;
}

/** One file of a configuration. */
export interface ConfigurationFile {
  readonly name: string;
  readonly text: string;
}

/** Paths that a server's packages use, for what the description leaves open. */
export interface DefaultPaths {
  readonly trust: string;
  readonly certificate: string;
  readonly key: string;
  readonly log: string;
}

/** How the configuration of one kind of server is made. */
export interface Generator {
  readonly title: string;
  readonly paths: DefaultPaths;
  /** What the server can have for those whom it lets in; none where the configuration does not say. */
  readonly contents: readonly Content['kind'][];
  readonly defaultContent: Content;
  readonly warnings: readonly Warning[];
  readonly files: (description: OriginDescription) => readonly ConfigurationFile[];
}
