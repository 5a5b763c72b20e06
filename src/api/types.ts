import type { Context as HonoContext } from 'hono';
import type { Context, Deployment, EventStore, Examinations, KnownProofs, Principal } from '../control/mod.ts';
import type { Enforcement } from '../core/mod.ts';
import type { ApiCounters } from '../observe/mod.ts';

/** Whether this installation serves, part by part. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

/** What runs. Times are milliseconds since the epoch, `uptime` is in milliseconds. */
export interface InstallationStatus {
  readonly version: string;
  readonly runtime: string;
  readonly uptime: number;
  /** The last change that is published. */
  readonly change: number;
  readonly listeners: Readonly<Record<'https' | 'http' | 'api' | 'api_tls', string | null>>;
  readonly workers: readonly {
    readonly pid: number;
    readonly state: 'starting' | 'ready' | 'draining';
    /** The last change that it has in use. */
    readonly acknowledged: number;
  }[];
  /** Addresses of origins, by what they do with somebody who presents no certificate. */
  readonly originProofs: Readonly<Record<Enforcement, number>>;
  /** Client certificates that end soon, the first one first. */
  readonly certificatesEnding: readonly {
    readonly id: string;
    readonly level: string;
    /** Null at the global level. */
    readonly zone: string | null;
    readonly expiresAt: number;
  }[];
}

/** What the API is made of. */
export interface ApiOptions {
  readonly context: Context;
  readonly deployment: Deployment;
  /** The security events of all zones. */
  readonly events: EventStore;
  /** The doctor's work at origins. */
  readonly examinations: Examinations;
  /** What the edge found out about origins. */
  readonly originProofs: KnownProofs;
  /** PEM of the shared origin-pull CA. */
  readonly originPullCa: string;
  readonly readiness: () => Readiness;
  /** What runs, as an account may see it. */
  readonly status: (accountId: string) => InstallationStatus;
  readonly counters: ApiCounters;
  /** The metrics as Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** The edge's own https port: to visitors it stands for 443. */
  readonly edgeHttpsPort: () => number;
  /** Told of errors that are nobody's input. */
  readonly onInternalError: (error: Error, path: string) => void;
}

/** Hono's environment: who asks. */
export interface ApiEnvironment {
  Variables: { principal: Principal };
}

/** One request. */
export type Call = HonoContext<ApiEnvironment>;
