import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, ConfigError, type ConfigInputs, loadConfig, OPTIONS } from './mod.ts';

const NOTHING: ConfigInputs = { flags: {}, environment: {}, file: null, cores: 4 };

/** By option: two texts, and what each means. */
const VALUES: Readonly<Record<keyof Config, readonly [string, unknown, string, unknown]>> = {
  data: ['one', 'one', 'two', 'two'],
  database: ['one', 'one', 'two', 'two'],
  edgeHttps: ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }, '[::1]:2', { host: '::1', port: 2 }],
  edgeHttp: ['localhost:0', { host: 'localhost', port: 0 }, '[::]:80', { host: '::', port: 80 }],
  api: ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }, '0.0.0.0:65535', { host: '0.0.0.0', port: 65535 }],
  apiTls: ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }, '127.0.0.1:2', { host: '127.0.0.1', port: 2 }],
  workers: ['1', 1, '256', 256],
  demo: ['true', true, '0', false],
  accessLog: ['-', '-', 'a.log', 'a.log'],
  wafFailure: ['open', 'open', 'closed', 'closed'],
  originProof: ['off', false, 'on', true],
  geoip: ['a.mmdb', ['a.mmdb'], 'city.mmdb, asn.mmdb', ['city.mmdb', 'asn.mmdb']],
  proxyProtocol: [
    '10.0.0.1',
    [{ address: '10.0.0.1', prefix: 32 }],
    '10.0.0.0/8, 2001:db8::/32,::1',
    [
      { address: '10.0.0.0', prefix: 8 },
      { address: '2001:db8::', prefix: 32 },
      { address: '::1', prefix: 128 },
    ],
  ],
};

for (const { name, flag, variable } of OPTIONS) {
  test(`--${flag}: flag before ${variable} before countersign.yaml before the default`, () => {
    const [one, meansOne, two, meansTwo] = VALUES[name];
    const file = `${flag}: "${one}"`;
    const read = (inputs: Partial<ConfigInputs>) => {
      const { config, sources } = loadConfig({ ...NOTHING, ...inputs });
      return [config[name], sources[name]];
    };
    assert.deepEqual(read({ file }), [meansOne, 'file']);
    assert.deepEqual(read({ file, environment: { [variable]: two } }), [meansTwo, 'environment']);
    assert.deepEqual(read({ file, environment: { [variable]: two }, flags: { [name]: one } }), [meansOne, 'flag']);
    assert.equal(read({})[1], 'default');
  });
}

test('the defaults are those that the manual promises', () => {
  const local = (port: number) => ({ host: '127.0.0.1', port });
  assert.deepEqual(loadConfig(NOTHING).config, {
    data: '.countersign',
    database: null,
    edgeHttps: local(8443),
    edgeHttp: local(8080),
    api: local(7070),
    apiTls: null,
    workers: 4,
    demo: false,
    accessLog: null,
    wafFailure: 'closed',
    geoip: [],
    originProof: true,
    proxyProtocol: [],
  });
});

const BAD: readonly [what: string, inputs: Partial<ConfigInputs>, RegExp][] = [
  ['an address without a port', { flags: { api: 'localhost' } }, /^--api must be HOST:PORT, .*, not "localhost"\.$/],
  ['a port that is none', { flags: { edgeHttp: '127.0.0.1:65536' } }, /^--edge-http must be HOST:PORT/],
  [
    'a range that is none',
    { flags: { proxyProtocol: '10.0.0.0/33' } },
    /^--proxy-protocol must be addresses or ranges/,
  ],
  ['a list with a gap', { flags: { proxyProtocol: '10.0.0.0/8,' } }, /^--proxy-protocol must be addresses or ranges/],
  ['a list of files with a gap', { flags: { geoip: 'a.mmdb,' } }, /^--geoip must be files with commas between/],
  ['an empty value', { flags: { data: '' } }, /^--data must be a value, not ""\.$/],
  [
    'a bad switch',
    { environment: { COUNTERSIGN_DEMO: 'maybe' } },
    /^COUNTERSIGN_DEMO must be true or false, not "maybe"\.$/,
  ],
  [
    'a bad value',
    { file: 'edge-https: 8443' },
    /^"edge-https" in countersign\.yaml must be HOST:PORT, .*, not "8443"\.$/,
  ],
  ['an unknown key', { file: 'wrokers: 2' }, /^countersign\.yaml has the unknown key "wrokers"\. Known are: data, /],
  ['a file that is no YAML', { file: 'a: b: c' }, /^countersign\.yaml: [^\n]+$/],
  ['a file that is a list', { file: '- workers' }, /^countersign\.yaml must hold keys and values/],
];
for (const [what, inputs, message] of BAD) {
  test(`${what} is refused by its name and source`, () => {
    assert.throws(
      () => loadConfig({ ...NOTHING, ...inputs }),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
