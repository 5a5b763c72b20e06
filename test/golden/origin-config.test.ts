import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { GENERATORS, type OriginDescription, STAGES, type Stage } from '../../src/origin/mod.ts';

const GOLDEN = fileURLToPath(new URL('./origin-config/', import.meta.url));
const GUIDES = fileURLToPath(new URL('../../docs/origins/', import.meta.url));
const NAMES = Object.keys(GENERATORS);

/** The description that a person gets who names a hostname and nothing else. */
function describe(name: string, stage: Stage): OriginDescription {
  const { paths, defaultContent } = GENERATORS[name]!;
  return {
    hostnames: ['www.example.test', 'example.test'],
    level: 'zone',
    stage,
    ...paths,
    content: defaultContent,
    addresses: ['0.0.0.0', '::'],
    httpsPort: 443,
    httpPort: 80,
  };
}

const filesOf = (name: string, stage: Stage = 'enforce') => GENERATORS[name]!.files(describe(name, stage));
const textOf = (name: string, stage: Stage) =>
  filesOf(name, stage)
    .map(({ name, text }) => `==> ${name} <==\n${text}`)
    .join('\n');

for (const name of NAMES) {
  for (const stage of STAGES) {
    test(`${name}, ${stage}: the text is the one that was looked at (GOLDEN=write writes it anew)`, () => {
      const file = join(GOLDEN, `${name}-${stage}.txt`);
      if (process.env.GOLDEN === 'write') writeFileSync(file, textOf(name, stage));
      assert.equal(textOf(name, stage), readFileSync(file, 'utf8'));
    });
  }

  test(`${name}: what is generated says what it is, what it proves, and how to go on`, () => {
    for (const level of ['global', 'zone', 'hostname'] as const) {
      const [first] = GENERATORS[name]!.files({ ...describe(name, 'enforce'), level });
      for (const part of [`Level ${level}: `, 'Stage enforce', 'www.example.test', 'countersign doctor', '1. present'])
        assert.ok(first!.text.includes(part), part);
    }
    const [observing] = filesOf(name, 'observe');
    assert.match(observing!.text, /THE ORIGIN IS STILL OPEN/);
    for (const { cve } of GENERATORS[name]!.warnings) assert.ok(observing!.text.includes(cve), cve);
  });

  test(`${name}: both stages differ, and every hostname is in`, () => {
    assert.notEqual(textOf(name, 'observe'), textOf(name, 'enforce'));
    assert.ok(filesOf(name).some(({ text }) => /[^.w]example\.test|[^.w]example\\\.test/.test(text)));
  });
}

test('each server has its guide, and each guide its server', () => {
  const guides = readdirSync(GUIDES).filter((file) => file !== 'README.md');
  assert.deepEqual(guides.sort(), NAMES.map((name) => `${name}.md`).sort());
  const overview = readFileSync(join(GUIDES, 'README.md'), 'utf8');
  for (const name of NAMES) {
    assert.ok(overview.includes(`(${name}.md)`), `README.md names ${name}`);
    const guide = readFileSync(join(GUIDES, `${name}.md`), 'utf8');
    for (const part of [
      `origin config ${name} `,
      '--stage observe',
      '--stage enforce',
      'countersign doctor --origin',
      '## Undo',
    ])
      assert.ok(guide.includes(part), `${name}.md: ${part}`);
  }
});

test('there is no golden file of nothing', () => {
  const expected = NAMES.flatMap((name) => STAGES.map((stage) => `${name}-${stage}.txt`));
  assert.deepEqual(readdirSync(GOLDEN).sort(), expected.sort());
});

type Fields = Record<string, unknown>;

/** Field names below a path of a YAML document, `[]` for lists; annotations by their own names. */
function fieldNames(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => fieldNames(one, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value as Fields).flatMap(([key, inner]) =>
    fieldNames(inner, path === '' ? key : `${path}.${key}`),
  );
}

/** What the Kubernetes APIs call the fields that are used (networking.k8s.io/v1, gateway.networking.k8s.io/v1). */
const KUBERNETES: Readonly<Record<string, readonly string[]>> = {
  Ingress: [
    'metadata.name',
    'metadata.annotations.*',
    'spec.ingressClassName',
    'spec.tls[].hosts[]',
    'spec.tls[].secretName',
    'spec.rules[].host',
    'spec.rules[].http.paths[].path',
    'spec.rules[].http.paths[].pathType',
    'spec.rules[].http.paths[].backend.service.name',
    'spec.rules[].http.paths[].backend.service.port.number',
  ],
  Gateway: [
    'metadata.name',
    'spec.gatewayClassName',
    'spec.tls.frontend.default.validation.mode',
    'spec.tls.frontend.default.validation.caCertificateRefs[].group',
    'spec.tls.frontend.default.validation.caCertificateRefs[].kind',
    'spec.tls.frontend.default.validation.caCertificateRefs[].name',
    'spec.listeners[].name',
    'spec.listeners[].hostname',
    'spec.listeners[].port',
    'spec.listeners[].protocol',
    'spec.listeners[].tls.mode',
    'spec.listeners[].tls.certificateRefs[].group',
    'spec.listeners[].tls.certificateRefs[].kind',
    'spec.listeners[].tls.certificateRefs[].name',
  ],
  HTTPRoute: [
    'metadata.name',
    'spec.parentRefs[].name',
    'spec.hostnames[]',
    'spec.rules[].backendRefs[].name',
    'spec.rules[].backendRefs[].port',
  ],
};
/** Annotations of ingress-nginx that are used. */
const ANNOTATIONS = [
  'auth-tls-secret',
  'auth-tls-verify-client',
  'auth-tls-verify-depth',
  'auth-tls-pass-certificate-to-upstream',
  'force-ssl-redirect',
].map((name) => `nginx.ingress.kubernetes.io/${name}`);

for (const name of ['ingress-nginx', 'gateway-api', 'envoy', 'traefik']) {
  for (const stage of STAGES) {
    test(`${name}, ${stage}: it is YAML without a key twice`, () => {
      for (const { text } of filesOf(name, stage)) {
        for (const document of parseAllDocuments(text)) {
          assert.ok('errors' in document);
          assert.deepEqual(document.errors, []);
          const { kind, apiVersion: _, ...rest } = document.toJS() as Fields & { kind?: string };
          if (kind === undefined) continue;
          const names = fieldNames(rest).map((field) => field.replace(/^(metadata\.annotations)\..*/, '$1.*'));
          for (const field of names) assert.ok(KUBERNETES[kind]!.includes(field), `${kind} has no ${field}`);
          const { annotations = {} } = rest.metadata as { annotations?: Fields };
          for (const annotation of Object.keys(annotations)) assert.ok(ANNOTATIONS.includes(annotation), annotation);
        }
      }
    });
  }
}

for (const name of ['tomcat', 'iis']) {
  const withoutPython = spawnSync('python3', ['-c', 'import xml.dom.minidom']).status !== 0 && 'python3 is missing';
  for (const stage of STAGES) {
    test(`${name}, ${stage}: it is well-formed XML`, { skip: withoutPython }, () => {
      for (const { text } of filesOf(name, stage).filter((file) => /\.xml$|\.config$/.test(file.name))) {
        const parse = 'import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.stdin.buffer.read())';
        const { status, stderr } = spawnSync('python3', ['-c', parse], { input: text, encoding: 'utf8' });
        assert.equal(status, 0, stderr);
      }
    });
  }
}

for (const stage of STAGES) {
  test(`aws-alb, ${stage}: a shell takes it, and its JSON is JSON`, () => {
    const { text } = filesOf('aws-alb', stage)[0]!;
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const found = [...text.matchAll(/'(\[\{.*\}\])'/g)].map(([, json]) => JSON.parse(json!) as unknown);
    assert.equal(found.length, 3);
  });

  test(`node, ${stage}: it is a module that the runtime takes`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
    try {
      const { name, text } = filesOf('node', stage)[0]!;
      // The guard is a package of its own: here it only has to be called as it is meant to be.
      const guard = join(directory, 'node_modules', '@countersign', 'guard');
      writeModule(guard);
      const [key, certificate] = [join(directory, 'key'), join(directory, 'certificate')];
      for (const file of [key, certificate]) writeFileSync(file, 'a file');
      const module = text.replace('/etc/origin/origin.key', key).replace('/etc/origin/origin.pem', certificate);
      writeFileSync(join(directory, name), module);
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(directory, name)], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.deepEqual(JSON.parse(stdout.split('\n')[0]!), {
        trust: '/etc/origin/origin-pull-ca.pem',
        hosts: { 'www.example.test': { level: 'zone' }, 'example.test': { level: 'zone' } },
        mode: stage,
      });
      assert.match(
        stdout,
        /"host":"0\.0\.0\.0","port":443,"ipv6Only":false[\s\S]*"host":"::","port":443,"ipv6Only":true/,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** A stand-in that prints what it is called with. */
function writeModule(directory: string): void {
  spawnSync('mkdir', ['-p', directory]);
  writeFileSync(
    join(directory, 'package.json'),
    '{"name":"@countersign/guard","type":"module","exports":"./guard.js"}',
  );
  writeFileSync(
    join(directory, 'guard.js'),
    `const print = (value) => console.log(JSON.stringify(value));
export const createGuard = (options) => (print(options), { createServer: () => ({ listen: print }) });`,
  );
  assert.ok(existsSync(join(directory, 'guard.js')));
}
