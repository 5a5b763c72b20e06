import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RULE_SAMPLES, replaced, SAMPLE_RULE, SAMPLE_RULESET, sampleContext } from '../../test/doubles/rule-samples.ts';
import { ApiError, type ListEntry, type RuleEntry } from '../core/mod.ts';
import { compileAccessRules, compileLockdown, compileUserAgentRule } from './access.ts';
import { compileRuleset } from './compile-ruleset.ts';
import { checkRule, type PhaseName, readAccessRule, readLockdown, readUserAgentRule } from './mod.ts';

// What is taken when it is written must be what the edge can carry out: otherwise a whole zone would be refused.

const LIST: ListEntry = {
  kind: 'list',
  id: 'l',
  accountId: 'a',
  name: 'sample',
  listKind: 'ip',
  items: ['192.0.2.1', '2001:db8::/32'],
};

function compile(phase: PhaseName, rule: Pick<RuleEntry, 'action' | 'expression' | 'actionParameters' | 'ratelimit'>) {
  return compileRuleset(
    {
      kind: 'ruleset',
      id: 'x',
      scope: 'zone',
      scopeId: 'z',
      rulesetKind: 'zone',
      name: 'x',
      phase,
      version: '1',
      rules: [{ id: 'r', ref: 'r', version: '1', description: '', enabled: true, logging: null, ...rule }],
    },
    { list: (name) => (name === LIST.name ? LIST : undefined), hasGeo: false },
  );
}

/** What `read` gives; null where it refuses. */
function accepted<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return null;
  }
}

const expressions = fc.constantFrom(
  ...['true', ' false ', 'ssl', 'not ssl', 'ip.src', 'ip.src in $sample', 'http.host', 'lower(http.host)', '"x"', '1'],
  ...['http.request.headers', 'http.request.headers["a"]', 'http.request.headers["a"][0]', 'len(http.host)'],
  ...['any(http.request.headers["a"][*] == "b")', 'http.request.uri.args.names[*]', 'http.request.body.raw'],
  ...['http.response.code', 'http.response.code eq 1', 'concat("a", http.host)', 'to_string(cf.edge.server_port)'],
  ...['regex_replace(http.host, "a", "b")', 'http.host matches "a(b|c)*"', 'ip.src.country', 'cf.colo.id'],
);
const values = fc.oneof(
  expressions,
  fc.constantFrom<unknown>(
    ...['', ' ', 'x', '\\', '"', '*', '**', '/', '//', 'a.example', '192.0.2.1', '::1', 'set', 'add', 'remove'],
    ...['current', 'strict', SAMPLE_RULESET, SAMPLE_RULE, 0, 1, 10, 60, -1, 301, 400, 418, null, true, false, [], {}],
    ...[{ value: '/x' }, { expression: 'http.host' }, { enabled: true }],
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const changes = fc.array(fc.tuple(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), values), { maxLength: 2 });

test('every rule that is taken can be carried out', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...RULE_SAMPLES), changes, ([phase, action, action_parameters, more], ways) => {
      const sample: unknown = JSON.parse(JSON.stringify({ action, action_parameters, expression: 'true', ...more }));
      const rule = ways.reduce((whole, [way, value]) => replaced(whole, way, value), sample);
      const checked = accepted(() => checkRule(rule, '', sampleContext(phase)));
      if (checked === null) return;
      taken++;
      compile(phase, {
        action: checked.action,
        expression: checked.expression,
        actionParameters: checked.action_parameters ?? null,
        ratelimit: checked.ratelimit ?? null,
      });
    }),
    { numRuns: 3000 },
  );
  assert.ok(taken > 300, `${taken} were taken`);
});

const texts = fc.oneof(
  fc.constantFrom('192.0.2.1', '::1', '::ffff:1.2.3.4', '::ffff:1.2.3.0/120', '10.0.0.0/8', '::/0', '"\\', 'a\tb'),
  fc.constantFrom(
    'a.example.test/*',
    '*/*',
    '*a*b/**\\',
    'example.test/"x"?*',
    'https://EXAMPLE.test/$a{b}',
    '"'.repeat(900),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string(),
);

test('every rule of the older kinds that is taken can be carried out', () => {
  let taken = 0;
  const take = <T>(read: () => T, carryOut: (input: T) => void): void => {
    const input = accepted(read);
    if (input === null) return;
    taken++;
    carryOut(input);
  };
  fc.assert(
    fc.property(
      texts,
      fc.array(texts, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('ip', 'ip6', 'ip_range'),
      (value, urls, target) => {
        const configuration = { target, value };
        take(
          () => readUserAgentRule({ mode: 'block', configuration: { target: 'ua', value } }),
          ({ mode, userAgent }) =>
            compileUserAgentRule({ kind: 'user_agent_rule', id: 'x', zoneId: 'z', mode, userAgent, paused: false }),
        );
        take(
          () => readAccessRule({ mode: 'block', configuration }, false).configuration!,
          (read) =>
            compileAccessRules(
              [
                {
                  kind: 'access_rule',
                  id: 'x',
                  scope: 'zone',
                  scopeId: 'z',
                  mode: 'block',
                  target: read.target === 'ip6' ? 'ip' : read.target,
                  value: read.value,
                },
              ],
              false,
            ),
        );
        take(
          () => readLockdown({ urls, configurations: [configuration] }, 'example.test'),
          (read) =>
            compileLockdown({
              kind: 'lockdown',
              id: 'x',
              zoneId: 'z',
              urls: read.urls,
              addresses: read.configurations.map((address) => address.value),
              paused: false,
            }),
        );
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(taken > 300, `${taken} were taken`);
});

test('the longest lockdown that is taken is no longer than an expression can be', () => {
  for (let length = 1; length < 1000; length += 37) {
    for (let count = 100; count > 0; count--) {
      const urls = Array.from({ length: count }, () => `a.example.test/${'"'.repeat(length)}`);
      const configurations = [{ target: 'ip', value: '192.0.2.1' }];
      const read = accepted(() => readLockdown({ urls, configurations }, 'example.test'));
      if (read === null) continue;
      compileLockdown({ kind: 'lockdown', id: 'x', zoneId: 'z', urls: read.urls, addresses: [], paused: false });
      break;
    }
  }
});
