import type { SslMode } from '../core/mod.ts';
import type { Evaluation } from './evaluate.ts';

/** A change of one header field. */
export type FieldChange =
  | { readonly operation: 'set' | 'add'; readonly name: string; readonly value: string }
  | { readonly operation: 'remove'; readonly name: string };

/** Where rules send a request instead of where its hostname says (phase `http_request_origin`, set_config `ssl`). */
export interface RouteChange {
  readonly ssl?: SslMode;
  readonly hostHeader?: string;
  readonly sni?: string;
  /** Address or name of the origin. */
  readonly address?: string;
  readonly port?: number;
}

/** An answer from the edge itself, in place of the origin's. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  /** Null for the edge's own error page, which says `detail`. */
  readonly body: string | null;
  readonly detail: string;
}

/**
 * Says that the rules let a request pass to its origin. Only the evaluator makes one, and an exchange is not forwarded
 * without: there is no other way to an origin (spec/threats.md 2.3). What the rules changed is in it.
 */
export class Verdict {
  readonly kind = 'pass';
  /** Path and query for the origin; null for what the visitor sent. */
  readonly target: string | null;
  /** Of the request's header; null for none. */
  readonly fields: readonly FieldChange[] | null;
  readonly route: RouteChange | null;
  /** What goes on with the response; null for nothing. */
  readonly evaluation: Evaluation | null;

  private constructor(
    target: string | null,
    fields: readonly FieldChange[] | null,
    route: RouteChange | null,
    evaluation: Evaluation | null,
  ) {
    this.target = target;
    this.fields = fields;
    this.route = route;
    this.evaluation = evaluation;
  }

  /** For the evaluator alone: this room's public face has the type without its value. */
  static make(
    target: string | null,
    fields: readonly FieldChange[] | null,
    route: RouteChange | null,
    evaluation: Evaluation | null,
  ): Verdict {
    return new Verdict(target, fields, route, evaluation);
  }
}

/** For zones without rules: one for all, so that it costs nothing. */
export const NO_RULES: Verdict = Verdict.make(null, null, null, null);

/** What becomes of a request. */
export type Outcome = Verdict | Answer;
