/** Where in an expression something stands: offset of its first character, and how many characters. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * An expression that is not a rule: what was expected, and where (spec/waf.md 1.2, trap 14). The only error that parsing and
 * compiling throw.
 */
export class RuleError extends Error {
  override readonly name = 'RuleError';
  readonly expression: string;
  readonly span: Span;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in characters. */
  readonly column: number;

  constructor(message: string, expression: string, span: Span) {
    super(message);
    this.expression = expression;
    this.span = span;
    const before = expression.slice(0, span.start).split('\n');
    this.line = before.length;
    this.column = before.at(-1)!.length + 1;
  }

  /** The message, the line of the expression, and carets below the part that is meant. */
  render(): string {
    const line = this.expression.split('\n')[this.line - 1]!;
    const left = Math.max(1, line.length - this.column + 1);
    const carets = '^'.repeat(Math.max(1, Math.min(this.span.length, left)));
    const source = line.replace(/[\t\r]/g, ' ');
    return `${this.line}:${this.column}: ${this.message}\n  ${source}\n  ${' '.repeat(this.column - 1)}${carets}`;
  }
}
