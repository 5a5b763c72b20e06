import type { CompiledAction, Template } from './action.ts';
import { encodeOdd } from './encode-odd.ts';
import type { EvaluatedFacts } from './evaluate.ts';
import type { PhaseName } from './phases.ts';
import type { FieldChange } from './verdict.ts';

/** What the rules of one request have rewritten. */
export class Rewrites {
  /** Of the header that the origin gets; null for none. */
  fields: readonly FieldChange[] | null = null;
  /** Of the response's header. */
  responseFields: readonly FieldChange[] | null = null;
  /** Path or query are others than the visitor's. */
  isRewritten = false;
  /** What the current phase has rewritten: other rules see it in the next. */
  #path: string | null = null;
  #query: string | null = null;

  /** Takes what a rule of `phase` says; `evaluate` says null where a value is missing. */
  add(
    { path, query, fields }: Extract<CompiledAction, { kind: 'rewrite' }>,
    phase: PhaseName,
    evaluate: (template: Template) => string | null,
  ): void {
    const newPath = path === null ? null : evaluate(path);
    if (newPath !== null) {
      const encoded = encodeOdd(newPath).replace(/[?#]/g, (c) => (c === '?' ? '%3F' : '%23'));
      this.#path = encoded.startsWith('/') ? encoded : `/${encoded}`;
    }
    const newQuery = query === null ? null : evaluate(query);
    if (newQuery !== null) this.#query = encodeOdd(newQuery).replace(/^\?/, '').replaceAll('#', '%23');
    for (const { operation, name, value } of fields) {
      const text = value === null ? null : evaluate(value);
      const change: FieldChange =
        operation === 'remove' || text === null
          ? { operation: 'remove', name }
          : // Nothing that a visitor can write ends a header line.
            { operation, name, value: text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim() };
      if (operation === 'add' && text === null) continue;
      if (phase === 'http_response_headers_transform') this.responseFields = [...(this.responseFields ?? []), change];
      else this.fields = [...(this.fields ?? []), change];
    }
  }

  /** A phase is over: the next sees what it has rewritten. */
  apply(facts: EvaluatedFacts): void {
    if (this.#path === null && this.#query === null) return;
    facts.path = this.#path ?? facts.path;
    facts.query = this.#query ?? facts.query;
    this.#path = this.#query = null;
    this.isRewritten = true;
  }
}
