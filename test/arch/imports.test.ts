import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const EVERY_ROOM = [
  'core',
  'match',
  'rules',
  'seclang',
  'waf',
  'x509',
  'store',
  'control',
  'api',
  'edge',
  'fleet',
  'origin',
  'observe',
  'platform',
  'config',
];

/** Rooms that a room may import: architecture section 2. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  match: [],
  x509: ['core'],
  rules: ['match'],
  seclang: ['match'],
  waf: ['rules', 'seclang', 'match', 'core'],
  store: ['core', 'platform'],
  control: ['core', 'x509', 'store', 'observe', 'rules', 'waf', 'platform', 'origin'],
  api: ['control', 'core', 'x509', 'observe'],
  edge: ['core', 'waf', 'match', 'observe', 'platform'],
  fleet: ['core', 'control', 'store', 'observe'],
  origin: ['core', 'x509'],
  observe: ['core'],
  platform: ['core'],
  config: ['core', 'platform'],
  cli: [...EVERY_ROOM, 'app'],
  app: EVERY_ROOM,
};

/** Packages and `node:` modules of rooms that may not take just any. */
const ALLOWED_OUTSIDE: Readonly<Record<string, RegExp>> = {
  core: /^$/,
  match: /^re2js$/,
  rules: /^node:(buffer|crypto)$/,
  x509: /^(node:(crypto|buffer)|@peculiar\/x509|reflect-metadata)$/,
  edge: /^node:(buffer|net|tls|http|http2|stream|zlib)$/,
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

const imports: readonly Import[] = (readdirSync(SRC, { recursive: true }) as string[])
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((file) => {
    const source = readFileSync(join(SRC, file), 'utf8');
    const found = source.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g);
    return [...found].map(([, target]) => ({ file, room: file.split('/')[0]!, target: target! }));
  });

test('the imports were found', () => assert.ok(imports.length > 50));

test('a room imports only what the architecture allows, and only by its public face', () => {
  const wrong = imports.flatMap(({ file, room, target }) => {
    if (!target.startsWith('.'))
      return (ALLOWED_OUTSIDE[room] ?? /^/).test(target) ? [] : [`${file} imports ${target}`];
    const path = relative(SRC, resolve(SRC, dirname(file), target));
    const other = path.split('/')[0]!;
    if (other === room) return [];
    if (!(ALLOWED[room] ?? []).includes(other)) return [`${file} may not import ${other}`];
    return path === `${other}/mod.ts` ? [] : [`${file} reaches past ${other}/mod.ts: ${target}`];
  });
  assert.deepEqual(wrong, []);
});

test('only platform asks which runtime it runs on, the clock, and the generator of random numbers', () => {
  const asks =
    /\bBun\.|\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|\bnew Date\(\)|import \{[^}]*\brandom(?:Bytes|UUID)\b[^}]*\} from 'node:crypto'/;
  const wrong = (readdirSync(SRC, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('platform/'))
    .filter((file) => asks.test(readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')));
  assert.deepEqual(wrong, []);
});

test('the guard depends on nothing: `node:` modules and its own files', () => {
  const guard = fileURLToPath(new URL('../../guard/', import.meta.url));
  const files = (readdirSync(join(guard, 'src'), { recursive: true }) as string[]).filter((file) =>
    file.endsWith('.ts'),
  );
  const targets = files.flatMap((file) => {
    const found = readFileSync(join(guard, 'src', file), 'utf8').matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g);
    return [...found].map(([, target]) => target!);
  });
  assert.ok(targets.length > 20);
  assert.deepEqual(
    targets.filter((target) => !/^(node:|\.\/[a-z0-9-]+\.ts$)/.test(target)),
    [],
  );
  const manifest = JSON.parse(readFileSync(join(guard, 'package.json'), 'utf8'));
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
});
