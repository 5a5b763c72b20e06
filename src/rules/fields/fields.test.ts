import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFacts } from '../../../test/doubles/request-facts.ts';
import { formatAddress } from '../../match/mod.ts';
import {
  type CompileOptions,
  compileValue,
  FIELDS,
  type GeoFacts,
  PHASES,
  type Phase,
  REFUSED_FIELDS,
  type RequestFacts,
  RequestView,
  RuleError,
  stageOf,
  typeName,
  type Value,
  type VisitorCertificateFacts,
} from '../mod.ts';

const REQUEST: Phase = 'http_request_late_transform';
const RESPONSE: Phase = 'http_response_headers_transform';
const BODY = 'http.request.body.';

function options(phase: Phase, hasGeo = true): CompileOptions {
  return { phase, hasGeo, lists: () => undefined };
}

/** A field's value with maps as arrays of entries; null where it is missing. */
function read(view: RequestView, expression: string): unknown {
  const phase = FIELDS.get(expression.replace(/\[.*/, ''))?.need === 'response' ? RESPONSE : REQUEST;
  return plain(compileValue(expression, options(phase), null).evaluate(view));
}

function plain(value: Value | undefined): unknown {
  if (value === undefined) return null;
  if (value instanceof Map) return [...value.entries()];
  return typeof value === 'object' && 'family' in value ? formatAddress(value) : value;
}

const form = (raw: string, contentType: string): Partial<RequestFacts> => ({
  headers: [['content-type', contentType]],
  body: { raw, size: raw.length, isTruncated: false },
});
const response = (...headers: [string, string][]): Partial<RequestFacts> => ({
  response: { status: 404, headers, rawHeaders: [['Server', 'raw']], errorType: '1xxx', errorCode: 1020 },
});
const extension = (path: string, value: string): [string, Partial<RequestFacts>, unknown] => [
  'http.request.uri.path.extension',
  { path },
  value,
];
const mediaType = (contentType: string, value: string): [string, Partial<RequestFacts>, unknown] => [
  'http.response.content_type.media_type',
  response(['Content-Type', contentType]),
  value,
];
const HEADERS: Partial<RequestFacts> = {
  headers: [
    ['Host', 'a.test'],
    ['X-A', '1'],
    ['x-a', '2'],
    ['Cookie', 'app=test; a%62c=x%20y'],
    ['cookie', 'abc=z; flag'],
    ['Accept-Language', 'fr-CH, fr;q=0.8, en;q=0.9, de;q=0.7, *;q=0.5'],
  ],
};
const TARGET: Partial<RequestFacts> = {
  path: '/new',
  query: 'search=red+apples&a=%31&a=2&&flag',
  rawTarget: '/Old/X.MP3?b=1?2',
};
const MULTIPART = [
  '--x',
  'Content-Disposition: form-data; name="username"',
  '',
  'alice_doe',
  '--x',
  'content-disposition: form-data; name=picture; filename="a \\"b\\".jpg"',
  'Content-Type: image/jpeg',
  'Content-Transfer-Encoding: binary',
  '',
  '\xff\xd8\r\nbytes --x not at a line start',
  '--x--',
  'after',
].join('\r\n');
const MULTIPART_FACTS = form(MULTIPART, 'multipart/form-data; boundary="x"');

const GEO: GeoFacts = {
  country: 'GB',
  continent: 'EU',
  isInEuropeanUnion: false,
  asnum: 64500,
  city: 'London',
  postalCode: 'E1',
  metroCode: '',
  region: 'England',
  regionCode: 'ENG',
  latitude: '51.5',
  longitude: '-0.1',
  timezone: 'Europe/London',
  subdivision1: 'GB-ENG',
  subdivision2: 'GB-TWH',
};

const CERTIFICATE: VisitorCertificateFacts = {
  isVerified: true,
  isRevoked: false,
  subject: [
    ['C', 'US'],
    ['O', 'Access, "Inc"'],
    ['CN', 'James Royal'],
  ],
  issuer: [
    ['O', '#1'],
    ['CN', 'Access Testing CA'],
  ],
  serial: '527E',
  issuerSerial: '2688',
  fingerprintSha256: 'af36',
  fingerprintSha1: '933a',
  notBefore: Date.UTC(2022, 2, 1, 13, 35, 0),
  notAfter: Date.UTC(2023, 2, 21, 13, 35, 0),
  subjectKeyId: '2784',
  issuerKeyId: '8204',
  der: '\x30\x82\xff',
  chain: ['\x01', '\x02'],
};
const VISITOR = { visitorCertificate: CERTIFICATE };
const TLS = 'cf.tls_client_auth.';

const VALUES: readonly [field: string, facts: Partial<RequestFacts>, value: unknown][] = [
  ['http.host', {}, 'www.example.com'],
  ['http.request.method', { method: 'PURGE' }, 'PURGE'],
  ['http.request.uri', TARGET, '/new?search=red+apples&a=%31&a=2&&flag'],
  ['http.request.uri', {}, '/'],
  ['http.request.uri.path', TARGET, '/new'],
  ['http.request.full_uri', { ...TARGET, scheme: 'http', query: '' }, 'http://www.example.com/new'],
  [
    'http.request.uri.args',
    TARGET,
    [
      ['search', ['red+apples']],
      ['a', ['%31', '2']],
      ['flag', ['']],
    ],
  ],
  ['http.request.uri.args.names', TARGET, ['search', 'a', 'a', 'flag']],
  ['http.request.uri.args.values', TARGET, ['red+apples', '%31', '2', '']],
  ['raw.http.request.uri', TARGET, '/Old/X.MP3?b=1?2'],
  ['raw.http.request.full_uri', TARGET, 'https://www.example.com/Old/X.MP3?b=1?2'],
  ['raw.http.request.uri.path', TARGET, '/Old/X.MP3'],
  ['raw.http.request.uri.path.extension', TARGET, 'MP3'],
  ['raw.http.request.uri.query', TARGET, 'b=1?2'],
  ['raw.http.request.uri.args', TARGET, [['b', ['1?2']]]],
  extension('/foo', ''),
  extension('/foo.mp3', 'mp3'),
  extension('/.mp3', ''),
  extension('/.foo.mp3', 'mp3'),
  extension('/foo.tar.bz2', 'bz2'),
  extension('/foo.', ''),
  extension('/foo.MP3', 'mp3'),
  extension('/a.b/c', ''),
  ['http.request.headers["x-a"]', HEADERS, ['1', '2']],
  ['http.request.headers["X-A"]', HEADERS, null],
  ['http.request.headers.names', HEADERS, ['Host', 'X-A', 'x-a', 'Cookie', 'cookie', 'Accept-Language']],
  ['http.request.headers.truncated', { areHeadersTruncated: true }, true],
  ['http.cookie', HEADERS, 'app=test; a%62c=x%20y; abc=z; flag'],
  ['http.cookie', {}, ''],
  [
    'http.request.cookies',
    HEADERS,
    [
      ['app', ['test']],
      ['abc', ['x%20y', 'z']],
      ['flag', ['']],
    ],
  ],
  ['http.request.cookies', {}, []],
  ['http.user_agent', {}, ''],
  ['http.referer', { headers: [['REFERER', 'x']] }, 'x'],
  [
    'http.x_forwarded_for',
    {
      headers: [
        ['X-Forwarded-For', 'a'],
        ['x-forwarded-for', 'b, c'],
      ],
    },
    'a, b, c',
  ],
  ['http.request.accepted_languages', HEADERS, ['fr-CH', 'en', 'fr', 'de']],
  ['http.request.accepted_languages[0]', {}, null],
  ['http.request.version', { version: 'HTTP/2' }, 'HTTP/2'],
  ['http.request.timestamp.sec', {}, 1484063137],
  ['http.request.timestamp.msec', {}, 857],
  ['ssl', { scheme: 'http' }, false],
  [`${BODY}raw`, {}, ''],
  [`${BODY}size`, { body: { raw: 'ab', size: 5, isTruncated: true } }, 5],
  [`${BODY}truncated`, { body: { raw: 'ab', size: 5, isTruncated: true } }, true],
  [
    `${BODY}form`,
    form('a=%31&b=x+y&a=2', 'Application/X-WWW-form-urlencoded; charset=x'),
    [
      ['a', ['%31', '2']],
      ['b', ['x+y']],
    ],
  ],
  [`${BODY}form.values`, form('a=%31&b=x+y&a=2', 'application/x-www-form-urlencoded'), ['%31', 'x+y', '2']],
  [`${BODY}form.names`, form('a=1', 'application/x-www-form-urlencodedx'), []],
  [`${BODY}multipart.names`, MULTIPART_FACTS, [['username'], ['picture']]],
  [`${BODY}multipart.values`, MULTIPART_FACTS, ['alice_doe', '\xff\xd8\r\nbytes --x not at a line start']],
  [`${BODY}multipart["username"]`, MULTIPART_FACTS, ['alice_doe']],
  [`${BODY}multipart.content_types`, MULTIPART_FACTS, [[], ['image/jpeg']]],
  [`${BODY}multipart.content_dispositions[0][0]`, MULTIPART_FACTS, 'form-data; name="username"'],
  [`${BODY}multipart.content_transfer_encodings[1][0]`, MULTIPART_FACTS, 'binary'],
  [`${BODY}multipart.filenames[1][0]`, MULTIPART_FACTS, 'a "b".jpg'],
  [`${BODY}multipart.values`, form('--x\r\n\r\ncut off', 'multipart/form-data; boundary=x'), ['cut off']],
  [`${BODY}multipart.values`, form('--x\n\nline feeds\n--x--', 'multipart/mixed;boundary=x'), ['line feeds']],
  [`${BODY}multipart.values`, form('--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'), ['']],
  [`${BODY}multipart.values`, form('--x\r\n\r\na', 'text/plain; boundary=x'), []],
  [`${BODY}multipart.values`, form('--\r\n\r\na', 'multipart/form-data'), []],
  [`${BODY}mime`, form('\xff\xd8\xff\xe0', ''), 'image/jpeg'],
  [`${BODY}mime`, form('GIF89a...', ''), 'image/gif'],
  [`${BODY}mime`, form('%PDF-1.7', ''), 'application/pdf'],
  [`${BODY}mime`, form(' {"a":1}', ''), 'application/json'],
  [`${BODY}mime`, form('hello', ''), 'text/plain'],
  [`${BODY}mime`, form('a\0b', ''), 'application/octet-stream'],
  [`${BODY}mime`, {}, ''],
  ['ip.src', { visitorAddress: '::ffff:192.0.2.7' }, '192.0.2.7'],
  ['cf.edge.server_ip', {}, '198.51.100.1'],
  ['cf.edge.server_port', {}, 443],
  ['cf.ray_id', {}, '230b030023ae2822'],
  ['cf.random_seed', {}, '0123456789abcdef'],
  ['cf.threat_score', {}, 0],
  ['cf.tls_version', {}, 'TLSv1.3'],
  ['cf.tls_cipher', { tls: null }, ''],
  [`${TLS}cert_presented`, {}, false],
  [`${TLS}cert_subject_dn`, {}, ''],
  [`${TLS}cert_presented`, VISITOR, true],
  [`${TLS}cert_verified`, VISITOR, true],
  [`${TLS}cert_revoked`, VISITOR, false],
  [`${TLS}cert_subject_dn`, VISITOR, 'CN=James Royal,O=Access\\, \\"Inc\\",C=US'],
  [`${TLS}cert_issuer_dn_rfc2253`, VISITOR, 'CN=Access Testing CA,O=\\#1'],
  [`${TLS}cert_subject_dn_legacy`, VISITOR, '/C=US/O=Access, "Inc"/CN=James Royal'],
  [`${TLS}cert_serial`, VISITOR, '527E'],
  [`${TLS}cert_issuer_ski`, VISITOR, '8204'],
  [`${TLS}cert_not_before`, VISITOR, 'Mar  1 13:35:00 2022 GMT'],
  [`${TLS}cert_not_after`, VISITOR, 'Mar 21 13:35:00 2023 GMT'],
  [`${TLS}cert_rfc9440`, VISITOR, ':MIL/:'],
  [`${TLS}cert_chain_rfc9440`, VISITOR, ':AQ==:, :Ag==:'],
  [`${TLS}cert_rfc9440`, { visitorCertificate: { ...CERTIFICATE, der: 'x'.repeat(9000) } }, ''],
  [`${TLS}cert_rfc9440_too_large`, { visitorCertificate: { ...CERTIFICATE, der: 'x'.repeat(9000) } }, true],
  [`${TLS}cert_chain_rfc9440_too_large`, VISITOR, false],
  ['ip.src.country', { geo: GEO }, 'GB'],
  ['ip.geoip.country', { geo: GEO }, 'GB'],
  ['ip.src.country', {}, 'XX'],
  ['ip.src.asnum', { geo: GEO }, 64500],
  ['ip.src.asnum', {}, 0],
  ['ip.src.subdivision_1_iso_code', { geo: GEO }, 'GB-ENG'],
  ['ip.src.timezone.name', { geo: GEO }, 'Europe/London'],
  ['http.response.code', response(), 404],
  ['http.response.headers["server"]', response(['Server', 'a'], ['SERVER', 'b']), ['a', 'b']],
  ['raw.http.response.headers.values', response(['Server', 'a']), ['raw']],
  ['cf.response.error_type', response(), '1xxx'],
  ['cf.response.1xxx_code', response(), 1020],
  ['http.response.code', {}, null],
  mediaType('text/html', 'text/html'),
  mediaType('text/html; charset=utf-8', 'text/html'),
  mediaType('text/html+extra; charset=utf-8', 'text/html+extra'),
  mediaType('text/HTML', 'text/html'),
  ['http.response.content_type.media_type', response(), null],
  ['cf.timings.origin_ttfb_msec', { timings: { edge: 1.4, originFirstByte: 2.5 } }, 3],
];
for (const [field, facts, value] of VALUES) {
  test(`${field} of ${JSON.stringify(facts).slice(0, 70)}`, () =>
    assert.deepEqual(read(new RequestView(requestFacts(facts)), field), value));
}

const REFUSED: readonly [field: string, phase: Phase, hasGeo: boolean, says: RegExp][] = [
  ['cf.bot_management.score', REQUEST, true, /no bot detection/],
  ['cf.bot_management.ja4', REQUEST, true, /ClientHello/],
  ['cf.waf.score.sqli', REQUEST, true, /attack scoring/],
  ['cf.waf.credential_check.password_leaked', REQUEST, true, /leaked credentials/],
  ['cf.llm.prompt.detected', REQUEST, true, /prompts/],
  ['cf.waf.content_scan.has_obj', REQUEST, true, /not scanned/],
  ['http.request.jwt.claims.iat.sec.values', REQUEST, true, /API Shield/],
  ['cf.colo.id', REQUEST, true, /rate limits/],
  ['ip.src.country', REQUEST, false, /needs a geo database/],
  ['http.response.headers.names', REQUEST, true, /response has come/],
  ['http.request.accepted_languages', 'http_ratelimit', true, /is for the phases/],
  ['cf.response.error_type', 'http_log_custom_fields', true, /is for the phases/],
];
for (const [field, phase, hasGeo, says] of REFUSED) {
  test(`${field} in ${phase}${hasGeo ? '' : ' without a database'} is refused by name`, () =>
    assert.throws(
      () => compileValue(field, options(phase, hasGeo), null),
      (error) =>
        error instanceof RuleError && says.test(error.message) && error.message.startsWith(`The field ${field} cannot`),
    ));
}

test('each field of the language is either filled or refused', () => {
  assert.ok(FIELDS.size + REFUSED_FIELDS.size > 170, `${FIELDS.size} and ${REFUSED_FIELDS.size}`);
  for (const name of FIELDS.keys()) assert.ok(!REFUSED_FIELDS.has(name), name);
});

test('each field gives what its type says, of a bare request and of a full one', () => {
  const full = { ...HEADERS, ...VISITOR, ...response(['a', 'b']), geo: GEO, ...MULTIPART_FACTS };
  for (const facts of [requestFacts(), requestFacts(full)]) {
    for (const { name, type, read: value } of FIELDS.values()) {
      const found = value(new RequestView(facts));
      if (found !== undefined) assert.ok(isOfType(found, typeName(type)), `${name}: ${typeName(type)}`);
    }
  }
});

function isOfType(value: Value, type: string): boolean {
  const of = /^(?:Array|Map)<(.*)>$/.exec(type)?.[1];
  if (type.startsWith('Map')) return value instanceof Map && [...value.values()].every((one) => isOfType(one, of!));
  if (type.startsWith('Array')) return Array.isArray(value) && value.every((one: Value) => isOfType(one, of!));
  if (type === 'IP address') return typeof value === 'object' && 'family' in value;
  return typeof value === { Boolean: 'boolean', Integer: 'number', String: 'string' }[type];
}

test('what was derived is kept, and follows the facts when they change', () => {
  const facts = { ...requestFacts({ query: 'a=1' }) };
  const view = new RequestView(facts);
  const names = read(view, 'http.request.uri.args.names');
  assert.equal(read(view, 'http.request.uri.args.names'), names, 'the same array');
  facts.query = 'b=2';
  assert.deepEqual(read(view, 'http.request.uri.args.names'), ['b']);
  facts.headers = [['X', 'y']];
  assert.deepEqual(read(view, 'http.request.headers.names'), ['X']);
});

test('the body is not touched by a rule about something else', () => {
  const facts = requestFacts();
  Object.defineProperty(facts, 'body', { get: () => assert.fail('asked for') });
  const view = new RequestView(facts);
  for (const { name, need, read: value } of FIELDS.values())
    if (need !== 'body') assert.doesNotThrow(() => value(view), name);
});

test('phases know what they see', () => {
  assert.deepEqual(
    PHASES.filter((phase) => stageOf(phase) === 'response').map((phase) => phase.slice(0, 13)),
    ['http_custom_e', 'http_response', 'http_response', 'http_response', 'http_log_cust'],
  );
});
