import type {
  Argument,
  Call,
  Comparison,
  FieldReference,
  Index,
  Literal,
  Logical,
  LogicalOperator,
  Operand,
  Test,
} from './expression.ts';
import type { Field } from './fields/field.ts';
import { checkCall } from './functions/check-call.ts';
import type { RuleFunction } from './functions/function.ts';
import { parseTest, takeOperator } from './parse-test.ts';
import { MAX_EXPRESSION, Scanner } from './scanner.ts';
import { ADDRESS, arrayOf, BOOLEAN, INTEGER, isSameType, STRING, typeName, type ValueType } from './types.ts';

/** How deep parentheses, `not` and calls may nest (spec/waf.md 1.2, trap 13). */
const MAX_NESTING = 128;

/** What names mean where an expression stands. Each answers with a sentence where the name may not be used. */
export interface Names {
  readonly field: (name: string) => Field | string | null;
  readonly function: (name: string) => RuleFunction | string | null;
  /** The test for a list of that name on the right of `in`, for values of that type. */
  readonly list: (name: string, type: ValueType) => Test | string;
}

/** Parses a whole filter expression. Throws `RuleError`. */
export function parseFilter(text: string, names: Names): Logical {
  const parser = new Parser(text, names);
  return parser.filter();
}

/** Parses a whole value expression: a field, a call or a literal. Throws `RuleError`. */
export function parseValue(text: string, names: Names): Argument {
  const parser = new Parser(text, names);
  return parser.value();
}

/** Operators from the loosest to the tightest. */
const PRECEDENCE: readonly (readonly [operator: LogicalOperator, words: readonly string[]])[] = [
  ['or', ['or', '||']],
  ['xor', ['xor', '^^']],
  ['and', ['and', '&&']],
];

class Parser {
  readonly #scanner: Scanner;
  readonly #names: Names;
  #depth = 0;
  /** Whether there was a call of a function that may be used once. */
  #hasReplaced = false;

  constructor(text: string, names: Names) {
    this.#scanner = new Scanner(text);
    this.#names = names;
    // Characters of the text as people count them.
    if ([...text].length > MAX_EXPRESSION)
      this.#scanner.fail(`Expected at most ${MAX_EXPRESSION} characters.`, MAX_EXPRESSION, text.length);
  }

  filter(): Logical {
    const scanner = this.#scanner;
    const whole = scanner.text.trim();
    // Not of the grammar, but used for rules that always apply (spec/waf.md 1.2, trap 16).
    if (whole === 'true' || whole === 'false') return { kind: 'constant', value: whole === 'true', isArray: false };
    scanner.skipSpace();
    if (scanner.isAtEnd()) scanner.fail('Expected an expression.', scanner.at);
    const logical = this.#logical(0);
    this.#end('Expected an operator (and, or, xor) or the end.');
    if (logical.isArray) scanner.fail('Expected one Boolean: put any() or all() around this array.', 0, whole.length);
    return logical;
  }

  value(): Argument {
    const scanner = this.#scanner;
    scanner.skipSpace();
    if (scanner.isAtEnd()) scanner.fail('Expected a value.', scanner.at);
    const start = scanner.at;
    const value = scanner.seesString()
      ? ({ kind: 'literal', value: scanner.bytes(), type: STRING } as const)
      : this.#operand();
    if (value.kind === 'operand' && value.hasEach) scanner.fail('A value may not use [*].', start, scanner.at);
    this.#end('Expected the end: a value is one field, one call or one string.');
    return value;
  }

  #end(expected: string): void {
    this.#scanner.skipSpace();
    if (!this.#scanner.isAtEnd()) this.#scanner.fail(expected, this.#scanner.at, this.#scanner.text.length);
  }

  /** Parses what binds as tight as the operator of that level, or tighter. */
  #logical(level: number): Logical {
    const row = PRECEDENCE[level];
    if (row === undefined) return this.#simple();
    const [operator, words] = row;
    const items = [this.#logical(level + 1)];
    while (this.#takeOperator(words)) {
      const itemStart = this.#scanner.at;
      const item = this.#logical(level + 1);
      if (item.isArray !== items[0]!.isArray) {
        const kind = items[0]!.isArray ? 'an array of Booleans, as on the left' : 'one Boolean, as on the left';
        this.#scanner.fail(`Expected ${kind} of ${operator}.`, itemStart, this.#scanner.at);
      }
      items.push(item);
    }
    if (items.length === 1) return items[0]!;
    return { kind: 'combined', operator, items, isArray: items[0]!.isArray };
  }

  #takeOperator(words: readonly string[]): boolean {
    const before = this.#scanner.at;
    this.#scanner.skipSpace();
    if (this.#scanner.takeOneOf(words) === null) {
      this.#scanner.at = before;
      return false;
    }
    this.#scanner.skipSpace();
    return true;
  }

  #simple(): Logical {
    const scanner = this.#scanner;
    const start = scanner.at;
    if (scanner.take('(')) {
      this.#deeper(start);
      scanner.skipSpace();
      const inside = this.#logical(0);
      scanner.skipSpace();
      scanner.expect(')', 'for this parenthesis, or an operator (and, or, xor)');
      this.#depth--;
      return inside;
    }
    if (scanner.takeOneOf(['not', '!']) !== null) {
      this.#deeper(start);
      scanner.skipSpace();
      const item = this.#simple();
      this.#depth--;
      return { kind: 'not', item, isArray: item.isArray };
    }
    return this.#comparison(this.#operand());
  }

  /** Parses what follows the left side of a comparison. */
  #comparison(left: Operand): Comparison {
    const { type, hasEach } = left;
    if (type.kind === 'Boolean') return { kind: 'comparison', left, test: { kind: 'is true' }, isArray: hasEach };
    if (isSameType(type, arrayOf(BOOLEAN)) && !hasEach)
      return { kind: 'comparison', left, test: { kind: 'is true' }, isArray: true };
    const test = parseTest(this.#scanner, type, this.#names.list);
    return { kind: 'comparison', left, test, isArray: hasEach };
  }

  #operand(): Operand {
    const base = this.#base();
    const indexes: Index[] = [];
    let type = base.kind === 'field' ? base.field.type : base.type;
    while (this.#scanner.sees('[')) {
      const start = this.#scanner.at;
      const index = this.#index();
      type = this.#indexed(type, index, start);
      indexes.push(index);
    }
    return { kind: 'operand', base, indexes, type, hasEach: indexes.some(({ kind }) => kind === 'each') };
  }

  #base(): FieldReference | Call {
    const scanner = this.#scanner;
    const start = scanner.at;
    const name = scanner.name();
    if (name === null) scanner.fail('Expected a field, a function, not or a parenthesis.', start);
    const field = this.#names.field(name!);
    if (typeof field === 'string') scanner.fail(field, start, scanner.at);
    if (field !== null) return { kind: 'field', field: field as Field };
    const found = this.#names.function(name!);
    if (typeof found === 'string') scanner.fail(found, start, scanner.at);
    if (found === null) scanner.fail(`There is no field or function "${name}".`, start, scanner.at);
    return this.#call(found as RuleFunction, start);
  }

  #index(): Index {
    const scanner = this.#scanner;
    scanner.expect('[', 'here');
    scanner.skipSpace();
    const start = scanner.at;
    let index: Index;
    if (scanner.take('*')) index = { kind: 'each' };
    else if (scanner.sees('"')) index = { kind: 'key', key: scanner.string() };
    else {
      if (!/\d/.test(scanner.text[scanner.at] ?? ''))
        scanner.fail('Expected a position, a key in double quotes, or *.', start);
      const position = scanner.integer();
      if (position > 0xffffffff) scanner.fail('Expected a position below 4294967296.', start, scanner.at);
      index = { kind: 'position', position };
    }
    scanner.skipSpace();
    scanner.expect(']', 'behind the index');
    return index;
  }

  #indexed(type: ValueType, index: Index, start: number): ValueType {
    const isRight =
      index.kind === 'position' ? type.kind === 'Array' : index.kind === 'key' ? type.kind === 'Map' : true;
    if (isRight && (type.kind === 'Array' || type.kind === 'Map')) return type.of;
    const wants =
      type.kind === 'Array' ? 'a position or *' : type.kind === 'Map' ? 'a key in double quotes or *' : 'no index';
    return this.#scanner.fail(`Expected ${wants} for the type ${typeName(type)}.`, start, this.#scanner.at);
  }

  #call(definition: RuleFunction, start: number): Call {
    const scanner = this.#scanner;
    scanner.skipSpace();
    scanner.expect('(', `behind the function ${definition.name}`);
    this.#deeper(start);
    if (definition.onlyOnce) {
      if (this.#hasReplaced) scanner.fail('An expression may replace only once.', start, scanner.at);
      this.#hasReplaced = true;
    }
    const given: Argument[] = [];
    const spans: [start: number, end: number][] = [];
    for (;;) {
      scanner.skipSpace();
      if (scanner.take(')')) break;
      if (given.length > 0) {
        scanner.expect(',', 'or ) behind the argument');
        scanner.skipSpace();
      }
      const from = scanner.at;
      given.push(this.#argument(definition));
      spans.push([from, scanner.at]);
    }
    this.#depth--;
    const checked = checkCall(definition, given);
    if ('type' in checked) return { kind: 'call', function: definition, arguments: given, type: checked.type };
    const [from, to] = checked.argument === null ? [start, scanner.at] : spans[checked.argument]!;
    return scanner.fail(checked.problem, from, to);
  }

  #argument(definition: RuleFunction): Argument {
    const scanner = this.#scanner;
    if (scanner.seesString()) return { kind: 'literal', value: scanner.bytes(), type: STRING };
    // any() and all() take a whole expression, others one comparison.
    if (definition.name === 'any' || definition.name === 'all') {
      const logical = this.#logical(0);
      // An array as it is stays a value, which may be missing (spec/waf.md 1.2, trap 12).
      const isPlain = logical.kind === 'comparison' && logical.test.kind === 'is true' && !logical.left.hasEach;
      return isPlain ? logical.left : logical;
    }
    if (scanner.sees('(') || scanner.sees('!') || scanner.sees('not')) return this.#logical(0);
    const name = scanner.peekName();
    const isKnown = name !== null && (this.#names.field(name) !== null || this.#names.function(name) !== null);
    return (isKnown ? null : this.#literal()) ?? this.#operandOrComparison();
  }

  /** An address, bytes or a number; null, with nothing read, where something else stands. */
  #literal(): Literal | null {
    const scanner = this.#scanner;
    const address = scanner.maybeAddress();
    if (address !== null) return { kind: 'literal', value: address, type: ADDRESS };
    if (scanner.seesBytes()) return { kind: 'literal', value: scanner.bytes(), type: STRING };
    return scanner.seesInteger() ? { kind: 'literal', value: scanner.integer(), type: INTEGER } : null;
  }

  #operandOrComparison(): Argument {
    const operand = this.#operand();
    const before = this.#scanner.at;
    this.#scanner.skipSpace();
    const isComparison = takeOperator(this.#scanner) !== null;
    this.#scanner.at = before;
    return isComparison ? this.#comparison(operand) : operand;
  }

  #deeper(start: number): void {
    if (++this.#depth > MAX_NESTING)
      this.#scanner.fail(`Expected at most ${MAX_NESTING} levels of parentheses, not and calls.`, start);
  }
}
