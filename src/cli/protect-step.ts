import type { OriginStage } from '../origin/mod.ts';

/** What is known about a hostname on its way to an origin that refuses everybody else. */
export interface ProtectFacts {
  readonly hasOrigin: boolean;
  /** What the edge pulls over. */
  readonly originScheme: string;
  readonly level: 'hostname' | 'zone' | 'global' | 'none';
  /** Null before it was examined. */
  readonly stage: OriginStage | null;
  readonly verdict: 'closed' | 'open' | 'unknown' | null;
}

/**
 * The steps of `countersign protect`, in their order: point at the origin, pull over TLS, present a certificate, look at the origin, let it
 * observe, let it enforce, close what is open beside. What was done before is not done again.
 */
export type ProtectStep =
  | 'set_origin'
  | 'set_mode'
  | 'present'
  | 'examine'
  | 'reach'
  | 'observe'
  | 'enforce'
  | 'close_doors'
  | 'done';

/** The next step: a function of the facts alone, so that it can be gone on with at any time. */
export function nextStep({ hasOrigin, originScheme, level, stage, verdict }: ProtectFacts): ProtectStep {
  if (!hasOrigin) return 'set_origin';
  if (originScheme !== 'https') return 'set_mode';
  if (level === 'none') return 'present';
  switch (stage) {
    case null:
      return 'examine';
    case 'unknown':
      return verdict === 'open' ? 'close_doors' : 'reach';
    case 'refuses_right':
    case 'ignores':
      return 'observe';
    case 'unclear':
    case 'observes':
      return 'enforce';
    case 'enforces':
      return verdict === 'closed' ? 'done' : 'close_doors';
  }
}
