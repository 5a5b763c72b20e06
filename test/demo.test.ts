import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { openControlPlane, runDemoChecks, start, startDemo } from '../src/app/mod.ts';
import { loadConfig } from '../src/config/mod.ts';
import { init } from '../src/control/mod.ts';
import { SILENT } from './doubles/control-plane.ts';
import { FREE_PORTS, Workshop } from './doubles/program.ts';

const workshop = new Workshop();
const READY_WITHIN = 3_000;

/** Runs the demo in this process, looks at its table, and stops it. */
async function demo(data: string): Promise<readonly string[]> {
  const local = '127.0.0.1:0';
  const flags = { data, edgeHttps: local, edgeHttp: local, api: local, workers: '2', demo: true };
  const { config } = loadConfig({ flags, environment: {}, file: null, cores: 1 });
  const plane = await openControlPlane(data, null, SILENT);
  const { accountId } = await init(plane.context, { zones: [] });
  const running = await start(plane, config, SILENT);
  const started = await startDemo(running, accountId);
  try {
    const checks = await runDemoChecks(running, started);
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
    return checks.map(({ got }) => got);
  } finally {
    await running.stop();
    started.stop();
  }
}

test('each level presents its certificate, direct calls are refused, and a restart shows the same', async () => {
  const data = workshop.path();
  const first = await demo(data);
  assert.equal(first.length, 5);
  assert.deepEqual(first.slice(0, 3), [
    '200, CN=certificate for hostname.demo.localhost',
    '200, CN=zone certificate of the demo team',
    '200, CN=origin-pull.countersign',
  ]);
  for (const direct of first.slice(3)) assert.match(direct, /^refused \(E\w+\)$/);
  const again = await demo(data);
  assert.deepEqual(again.slice(0, 3), first.slice(0, 3));
});

test(`up --demo is ready within ${READY_WITHIN} ms, also a second time`, async () => {
  const args = ['--data', workshop.path(), '--workers', `${availableParallelism()}`, '--demo', ...FREE_PORTS];
  const taken: number[] = [];
  for (let i = 0; i < 2; i++) {
    const begun = performance.now();
    const { process } = await workshop.up(args);
    taken.push(performance.now() - begun);
    process.child.kill('SIGTERM');
    assert.equal((await process.finished).code, 0);
  }
  assert.ok(Math.max(...taken) < READY_WITHIN, `it took ${taken.map(Math.round).join(' and ')} ms`);
});
