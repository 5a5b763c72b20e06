import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestFacts } from '../../test/doubles/request-facts.ts';
import { type CompileOptions, compileFilter, FIELDS, RequestView, RuleError } from './mod.ts';

const OPTIONS: CompileOptions = { phase: 'http_request_firewall_custom', lists: () => undefined, hasGeo: true };

const WORDS = [
  ...'( ) [ ] { } " , $ * ! == != <= ~ & && || ^^ .. / \\ # r" r#" "a" "\\" 0x 1 -1 018 1.2.3.4 ::1/64 a0:'.split(' '),
  ...'not and or xor in eq ne lt matches wildcard contains any( all( len( lower( concat( url_decode( cidr('.split(' '),
  ...'ssl http.host ip.src cf.edge.server_port http.request.headers http.request.headers["x"][*] é 😀'.split(' '),
  'strict wildcard',
  '\n',
  ' ',
];

test('whatever is written is taken or refused with a RuleError that can be shown', () => {
  const expression = fc.oneof(
    fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join(' ')),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join('')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  fc.assert(
    fc.property(expression, (text) => {
      try {
        compileFilter(text, OPTIONS).matches(new RequestView(requestFacts()));
      } catch (error) {
        assert.ok(error instanceof RuleError, String(error));
        assert.ok(error.span.start <= text.length && error.span.length >= 1);
        assert.ok(error.line >= 1 && error.column >= 1);
        assert.match(error.message, /\.$/);
        assert.match(error.render(), /\^/);
      }
    }),
    { numRuns: 5000 },
  );
});

/** An expression, and what it is by the rules of spec/waf.md 1.2 taken one by one. */
interface Sample {
  readonly text: string;
  readonly value: boolean;
}
interface Samples {
  readonly text: string;
  readonly values: readonly boolean[];
}

const HEADERS = [
  ['A', 'x'],
  ['a', 'yy'],
  ['a', ''],
  ['B', 'x'],
] as const;
const VALUES = new Map([
  ['a', ['x', 'yy', '']],
  ['b', ['x']],
]);
const ORDERS = {
  eq: (left: string, right: string) => left === right,
  '!=': (left: string, right: string) => left !== right,
  '<': (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right)) < 0,
  ge: (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right)) >= 0,
  contains: (left: string, right: string) => left.includes(right),
} as const;
const LOGIC = {
  and: (left: boolean, right: boolean) => left && right,
  '||': (left: boolean, right: boolean) => left || right,
  xor: (left: boolean, right: boolean) => left !== right,
} as const;

const order = fc.constantFrom(...(Object.keys(ORDERS) as (keyof typeof ORDERS)[]));
const logic = fc.constantFrom(...(Object.keys(LOGIC) as (keyof typeof LOGIC)[]));
const literal = fc.constantFrom('', 'x', 'y', 'yy');
const key = fc.constantFrom('a', 'b', 'c');

/** One value of a header that may be missing: a missing one compares false. */
const single = fc.tuple(key, fc.nat(3), order, literal).map(([name, index, operator, right]): Sample => {
  const left = VALUES.get(name)?.[index];
  return {
    text: `http.request.headers["${name}"][${index}] ${operator} "${right}"`,
    value: left !== undefined && ORDERS[operator](left, right),
  };
});

const eachPlain = fc.tuple(key, order, literal).map(
  ([name, operator, right]): Samples => ({
    text: `http.request.headers["${name}"][*] ${operator} "${right}"`,
    values: (VALUES.get(name) ?? []).map((left) => ORDERS[operator](left, right)),
  }),
);
const each: fc.Memo<Samples> = fc.memo((depth) =>
  depth <= 1
    ? eachPlain
    : fc.oneof(
        eachPlain,
        each(depth - 1).map(({ text, values }) => ({ text: `not (${text})`, values: values.map((one) => !one) })),
        fc.tuple(each(depth - 1), logic, each(depth - 1)).map(([left, operator, right]) => ({
          text: `(${left.text}) ${operator} (${right.text})`,
          values: left.values
            .slice(0, right.values.length)
            .map((one, index) => LOGIC[operator](one, right.values[index]!)),
        })),
      ),
);
const port = fc.tuple(fc.array(fc.tuple(fc.integer({ min: 430, max: 450 }), fc.nat(9)), { maxLength: 6 })).map(
  ([ranges]): Sample => ({
    text: `cf.edge.server_port in {${ranges.map(([first, more]) => (more === 0 ? first : `${first}..${first + more}`)).join(' ')}}`,
    value: ranges.some(([first, more]) => first <= 443 && 443 <= first + more),
  }),
);
const sample: fc.Memo<Sample> = fc.memo((depth) =>
  depth <= 1
    ? fc.oneof(single, port)
    : fc.oneof(
        single,
        port,
        each(2).map(({ text, values }) => ({ text: `any(${text})`, value: values.includes(true) })),
        each(2).map(({ text, values }) => ({ text: `all(${text})`, value: !values.includes(false) })),
        sample(depth - 1).map(({ text, value }) => ({ text: `!(${text})`, value: !value })),
        fc.tuple(sample(depth - 1), logic, sample(depth - 1)).map(([left, operator, right]) => ({
          text: `(${left.text}) ${operator}(${right.text})`,
          value: LOGIC[operator](left.value, right.value),
        })),
      ),
);

test('an expression is what its parts are, put together by hand', () => {
  const view = new RequestView(requestFacts({ headers: HEADERS }));
  fc.assert(
    fc.property(sample(4), ({ text, value }) => {
      fc.pre(text.length <= 4096);
      assert.equal(compileFilter(text, OPTIONS).matches(view), value, text);
    }),
    { numRuns: 3000 },
  );
});

test('without parentheses, and binds before xor, and xor before or', () => {
  const names = ['ssl', 'not ssl'];
  fc.assert(
    fc.property(
      fc.array(fc.nat(1), { minLength: 3, maxLength: 6 }),
      fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }),
      (operands, operators) => {
        const words = operators.map((one) => ['or', 'xor', 'and'][one]!);
        const text = operands.map((one, i) => (i === 0 ? '' : `${words[i]} `) + names[one]).join(' ');
        const value = text
          .split(' or ')
          .map((part) =>
            part
              .split(' xor ')
              .map((inner) => inner.split(' and ').every((one) => one.trim() === 'ssl'))
              .reduce((odd, one) => odd !== one),
          )
          .includes(true);
        assert.equal(compileFilter(text, OPTIONS).matches(new RequestView(requestFacts())), value, text);
      },
    ),
  );
});

test('every field can be read of whatever a visitor sends', () => {
  const text = fc.string({ unit: fc.constantFrom(...'a=&;%2B+"\\-: \r\n\xff\0,q.'), maxLength: 40 });
  const header = fc.tuple(fc.constantFrom('Cookie', 'Accept-Language', 'x', 'Content-Disposition'), text);
  const kind = fc.constantFrom('multipart/form-data; boundary=a', 'application/x-www-form-urlencoded', '');
  fc.assert(
    fc.property(text, text, fc.array(header), kind, text, (path, query, headers, contentType, raw) => {
      const view = new RequestView(
        requestFacts({
          path: `/${path}`,
          query,
          headers: [...headers, ['Content-Type', contentType]],
          body: { raw, size: raw.length, isTruncated: false },
        }),
      );
      for (const { read } of FIELDS.values()) read(view);
    }),
  );
});
