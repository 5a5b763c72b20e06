import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ask } from './origin.ts';
import { makeVisitors, type Visitors } from './visitors.ts';

const node = process.env.COUNTERSIGN_OWN_NODE ?? 'node';
const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const skip = Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= 20 ? false : `${node} is no Node 20 or newer`;
const directory = mkdtempSync(join(tmpdir(), 'guard-'));
let visitors: Visitors;

before(async () => {
  visitors = await makeVisitors();
});
after(() => rmSync(directory, { recursive: true }));

test('the built package runs on the Node of whoever runs the tests', { skip }, async () => {
  const path = join(directory, 'origin.mjs');
  const { cert, key } = visitors.server;
  const text = JSON.stringify({ options: visitors.options, credentials: { cert, key } });
  writeFileSync(
    path,
    `import { createGuard } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../dist/mod.js')))};
let text = '';
process.stdin.on('data', (data) => (text += data));
process.stdin.on('end', () => {
  const { options, credentials } = JSON.parse(text);
  const guard = createGuard(options);
  const server = guard.createServer((request, response) => response.end(JSON.stringify(request.originPull)), credentials);
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
});
`,
  );
  const child = spawn(node, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (data) => resolve(Number(String(data))));
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
      child.stdin.end(text);
    });
    for (const [who, as, code] of visitors.cases) {
      const { status, body } = await ask(port, { as });
      assert.deepEqual([status, body.code ?? null], [code === null ? 200 : 403, code], `${version}: ${who}`);
    }
  } finally {
    child.kill();
  }
});
