import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API_CODES, API_WARNINGS, type ApiCode, ApiError } from './mod.ts';

const codes: readonly (readonly [name: string, entry: ApiCode])[] = Object.entries(API_CODES);

// spec/origin-pulls.md 1.7. A text is the exact message, an expression what it must contain.
const CATALOGUE: readonly [name: keyof typeof API_CODES, code: number, status: number, message: string | RegExp][] = [
  ['certificate_id_required', 1404, 400, /Certificate ID required/],
  ['certificate_exists', 1406, 400, 'This certificate already exists for this zone.'],
  ['certificate_already_deleted', 1407, 400, 'Certificate is already deleted.'],
  ['certificate_unparseable', 1408, 400, /Unable to parse certificate/],
  ['certificate_not_leaf', 1412, 400, 'Only leaf certificate is allowed.'],
  ['certificate_pending_deletion', 1414, 400, /pending deletion/],
  [
    'certificate_id_invalid',
    1415,
    400,
    'Certificate ID in request is either invalid or the certificate has been deleted',
  ],
  ['certificate_id_malformed', 1415, 400, /Invalid Certificate ID/],
  ['certificate_in_use', 1433, 400, /in use/],
  ['hostname_certificate_not_found', 1551, 404, /certificate not found/],
  ['zone_certificate_not_found', 1552, 404, /certificate not found/],
  ['association_not_found', 1553, 404, /setting for this hostname not found/],
  ['setting_unknown', 1006, 400, /Unrecognized zone setting name/],
  ['setting_invalid', 1007, 400, /Invalid value for zone setting/],
];
for (const [name, code, status, message] of CATALOGUE) {
  test(`${name} is ${code}, as on record`, () => {
    const entry: ApiCode = API_CODES[name];
    assert.deepEqual([entry.code, entry.status], [code, status]);
    if (typeof message === 'string') assert.equal(entry.message, message);
    else assert.match(entry.message, message);
  });
}

test('every error has a code that the envelope allows, an error status, a message, and a source', () => {
  for (const [name, { code, status, message, section }] of codes) {
    assert.ok(Number.isInteger(code) && code >= 1000, name);
    assert.ok(status >= 400 && status < 600, name);
    assert.ok(message.length > 5, name);
    assert.match(section, /^(?:own|origin-pulls \d\.\d|api \d\.\d)$/, name);
    assert.notEqual(status, 409, `${name}: clients repeat 409 for minutes, so what will not change by itself is 400`);
  }
});

test('one number has one meaning', () => {
  // 1415 and 7003 are on record with two texts each.
  const shared = new Set([1415, 7003]);
  const numbers = [...codes.map(([, { code }]) => code), ...Object.values(API_WARNINGS).map(({ code }) => code)];
  const twice = numbers.filter((code, i) => numbers.indexOf(code) !== i && !shared.has(code));
  assert.deepEqual(twice, []);
});

test('an error carries its entry, and what is told beyond it', () => {
  const error = new ApiError('field_invalid', { message: 'ttl is too small.', pointer: '/ttl' });
  assert.deepEqual(
    [error.kind, error.code, error.status, error.message, error.pointer, error.chain],
    ['field_invalid', 1004, 400, 'ttl is too small.', '/ttl', []],
  );
});
