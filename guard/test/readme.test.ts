import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rawAsk } from './origin.ts';
import { type Identity, issue, issueServer } from './pki.ts';

const dist = join(import.meta.dirname, '../dist');
// Beside the built package, so that the frameworks are found.
const directory = mkdtempSync(join(dist, 'readme-'));
const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const sections = [...readme.matchAll(/^## ([^\n]+)\n+```js\n(.*?)```/gms)].map(
  ([, title, code]) => [title!, code!] as const,
);
const PRINT_PORT = `
const listening = typeof server === 'undefined' ? app.server : server;
const printPort = () => console.log(listening.address().port);
if (listening.listening) printPort();
else listening.on('listening', printPort);
`;
let edge: Identity;

before(async () => {
  const [ca, server] = await Promise.all([issue('edge CA', { ca: true }), issueServer('www.example.test')]);
  edge = await issue('edge', { issuer: ca });
  writeFileSync(join(directory, 'edge-ca.pem'), ca.cert);
  writeFileSync(join(directory, 'server.pem'), server.cert);
  writeFileSync(join(directory, 'server.key'), server.key, { mode: 0o600 });
  const guard = sections.find(([title]) => title === 'Start')![1];
  write('guard.js', guard.replaceAll('/etc/origin', directory).replace('@countersign/guard', '../mod.js'));
});
after(() => rmSync(directory, { recursive: true }));

function write(name: string, code: string): string {
  writeFileSync(join(directory, name), code);
  return join(directory, name);
}

test('the README shows each framework', () => {
  assert.deepEqual(
    sections.map(([title]) => title),
    ['Start', 'node:https', 'node:http2', 'Express', 'Fastify', 'Koa', 'Hono'],
  );
});

for (const [title, code] of sections.slice(1)) {
  test(`the README's origin for ${title} answers the edge and nobody else`, async () => {
    const local = code
      .replace('listen(443)', "listen(0, '127.0.0.1')")
      .replace('port: 443', "port: 0, host: '127.0.0.1'");
    assert.notEqual(local, code);
    const path = write(`${title.replace(':', '-')}.js`, local + PRINT_PORT);
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      const errors: string[] = [];
      child.stderr.on('data', (data) => errors.push(String(data)));
      const port = await new Promise<number>((resolve, reject) => {
        child.stdout.once('data', (data) => resolve(Number(String(data))));
        child.once('exit', () => reject(new Error(errors.join(''))));
      });
      const host = 'www.example.test';
      assert.match(await rawAsk(port, { host, as: edge }), /^HTTP\/1\.1 200 [\s\S]*Let in: CN=edge/);
      assert.match(await rawAsk(port, { host }), /^HTTP\/1\.1 403 [\s\S]*no_certificate/);
      assert.match(errors.join(''), /"code":"no_certificate"/);
    } finally {
      child.kill();
    }
  });
}
