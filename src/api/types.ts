import type { Context as HonoContext } from 'hono';
import type { Context, Deployment, Principal } from '../control/mod.ts';
import type { ApiCounters } from '../observe/mod.ts';

/** Whether this installation serves, part by part. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

/** What the API is made of. */
export interface ApiOptions {
  readonly context: Context;
  readonly deployment: Deployment;
  /** PEM of the shared origin-pull CA. */
  readonly originPullCa: string;
  readonly readiness: () => Readiness;
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
