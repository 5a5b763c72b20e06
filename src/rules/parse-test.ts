import type { AddressRange } from '../match/mod.ts';
import { compileRegex, compileWildcard, RegexError } from '../match/mod.ts';
import type { Order, Test } from './expression.ts';
import type { Scanner } from './scanner.ts';
import { typeName, type ValueType } from './types.ts';

/** How many stars a wildcard may have. */
const MAX_STARS = 128;

/** Words of comparisons; where one begins another, the longer one comes first. */
const OPERATORS = [
  'in',
  'eq',
  '==',
  'ne',
  '!=',
  'ge',
  '>=',
  'le',
  '<=',
  'gt',
  '>',
  'lt',
  '<',
  '&',
  'bitwise_and',
  'contains',
  '~',
  'matches',
  'wildcard',
  'strict wildcard',
] as const;

type Operator = (typeof OPERATORS)[number];

const ORDERS: Readonly<Partial<Record<Operator, Order>>> = {
  eq: 'eq',
  '==': 'eq',
  ne: 'ne',
  '!=': 'ne',
  ge: 'ge',
  '>=': 'ge',
  le: 'le',
  '<=': 'le',
  gt: 'gt',
  '>': 'gt',
  lt: 'lt',
  '<': 'lt',
};

/** Reads the operator of a comparison; null, with nothing read, where there is none. `&&` is none. */
export function takeOperator(scanner: Scanner): Operator | null {
  return scanner.sees('&&') ? null : scanner.takeOneOf(OPERATORS);
}

/** Parses operator and right side for a left side of that type (spec/waf.md 1.2). Throws `RuleError`. */
export function parseTest(
  scanner: Scanner,
  type: ValueType,
  list: (name: string, type: ValueType) => Test | string,
): Test {
  if (type.kind === 'Array' || type.kind === 'Map')
    scanner.fail(`Expected an index: a ${typeName(type)} cannot be compared as a whole.`, scanner.at);
  scanner.skipSpace();
  const start = scanner.at;
  const operator = takeOperator(scanner);
  if (operator === null) return refuseMissing(scanner, type, start);
  const end = scanner.at;
  scanner.skipSpace();
  const test = testOf(scanner, operator, type, list);
  return (
    test ?? scanner.fail(`Expected another operator: ${operator} is not for the type ${typeName(type)}.`, start, end)
  );
}

/** Null where the operator is not for the type. */
function testOf(
  scanner: Scanner,
  operator: Operator,
  type: ValueType,
  list: (name: string, type: ValueType) => Test | string,
): Test | null {
  const { kind } = type;
  if (kind !== 'String' && kind !== 'Integer' && kind !== 'IP address') return null;
  if (operator === 'in') return scanner.sees('$') ? listTest(scanner, type, list) : setTest(scanner, kind);
  const order = ORDERS[operator];
  if (order !== undefined) {
    const value = kind === 'String' ? scanner.bytes() : kind === 'Integer' ? scanner.integer() : scanner.address();
    return { kind: 'order', order, value };
  }
  if (operator === '&' || operator === 'bitwise_and')
    return kind === 'Integer' ? { kind: 'bits', mask: scanner.integer() } : null;
  if (kind !== 'String') return null;
  switch (operator) {
    case 'contains':
      return { kind: 'contains', text: scanner.bytes() };
    case '~':
    case 'matches':
      return regexTest(scanner);
    default:
      return wildcardTest(scanner, operator === 'strict wildcard');
  }
}

function refuseMissing(scanner: Scanner, type: ValueType, start: number): never {
  if (scanner.sees('not'))
    return scanner.fail('Expected a comparison operator: not stands before the whole comparison.', start);
  return scanner.fail(`Expected a comparison operator for the type ${typeName(type)}.`, start);
}

function listTest(scanner: Scanner, type: ValueType, list: (name: string, type: ValueType) => Test | string): Test {
  const start = scanner.at;
  scanner.expect('$', 'here');
  const name = scanner.listName();
  const test = list(name, type);
  return typeof test === 'string' ? scanner.fail(test, start, scanner.at) : test;
}

function setTest(scanner: Scanner, kind: 'String' | 'Integer' | 'IP address'): Test {
  if (kind === 'String') return { kind: 'in strings', texts: items(scanner, () => scanner.bytes()) };
  if (kind === 'Integer') return { kind: 'in integers', ranges: items(scanner, () => scanner.integerRange()) };
  return { kind: 'in addresses', ranges: items<AddressRange>(scanner, () => scanner.addressRange()) };
}

function items<T>(scanner: Scanner, read: () => T): T[] {
  scanner.expect('{', 'or $ and the name of a list');
  const found: T[] = [];
  for (;;) {
    scanner.skipSpace();
    if (scanner.take('}')) return found;
    if (scanner.isAtEnd()) scanner.fail('Expected } at the end of the set.', scanner.at);
    if (scanner.sees(',')) scanner.fail('Expected a space: the items of a set are separated by spaces.', scanner.at);
    found.push(read());
  }
}

function regexTest(scanner: Scanner): Test {
  const start = scanner.at;
  const pattern = scanner.pattern();
  try {
    return { kind: 'matches', regex: compileRegex(pattern), pattern };
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    return scanner.fail(`Expected a regular expression, but ${error.message} (at ${error.at + 1}).`, start, scanner.at);
  }
}

function wildcardTest(scanner: Scanner, isStrict: boolean): Test {
  const start = scanner.at;
  const pattern = scanner.string();
  const wildcard = compileWildcard(pattern, isStrict);
  if (wildcard === 'escape')
    return scanner.fail('Expected * or \\ behind a backslash of this wildcard.', start, scanner.at);
  if (wildcard === 'double star') return scanner.fail('Expected no ** in this wildcard.', start, scanner.at);
  if (pattern.split('*').length > MAX_STARS + 1)
    return scanner.fail(`Expected at most ${MAX_STARS} stars in this wildcard.`, start, scanner.at);
  return { kind: 'wildcard', wildcard, pattern, isStrict };
}
