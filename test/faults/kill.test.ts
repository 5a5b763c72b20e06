import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openControlPlane } from '../../src/app/mod.ts';
import { compileAll } from '../../src/control/mod.ts';
import { systemClock } from '../../src/platform/mod.ts';
import { openStore } from '../../src/store/mod.ts';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { SILENT } from '../doubles/control-plane.ts';
import type { Orders } from '../doubles/control-plane-process.ts';
import { type Process, Workshop } from '../doubles/program.ts';
import { chooseSeed, seeded } from '../doubles/random.ts';
import { type Cast, readZones, story, type ZoneState } from '../doubles/story.ts';

const SCRIPT = fileURLToPath(new URL('../doubles/control-plane-process.ts', import.meta.url));
const DIRECTORIES = 3;
const ROUNDS = 25;
const FIRST_STARTS = 10;

const workshop = new Workshop();
const seed = chooseSeed();
const draw = seeded(seed);
console.log(`COUNTERSIGN_TEST_SEED=${seed}`);
let cast: Cast;
/** Loaded ahead, while others still run. */
const loading: Process[] = [];

before(async () => {
  const ca = await makeCa('CA');
  const [first, second, third] = [await makeClient(ca, '1'), await makeClient(ca, '2'), await makeClient(ca, '3')];
  cast = { first, second, third };
  const warm = workshop.spawn(SCRIPT, []);
  warm.child.stdin!.end();
  await warm.finished;
});

/** Starts a process on a directory and kills it: `moment` resolves when it is time. Resolves with what it said. */
async function killed(orders: Orders, moment: (process: Process) => Promise<unknown>): Promise<string> {
  while (loading.length < 2) loading.push(workshop.spawn(SCRIPT, []));
  const process = loading.shift()!;
  await process.until(({ stdout }) => stdout.startsWith('loaded\n'));
  process.child.stdin!.write(`${JSON.stringify(orders)}\n`);
  await moment(process);
  process.child.kill('SIGKILL');
  const { signal, stdout, stderr } = await process.finished;
  assert.equal(signal, 'SIGKILL', stderr);
  return stdout;
}

/** The moment of a kill is what is tested, so here it may be a matter of time. */
const after = (milliseconds: number) => () => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Acknowledged steps by zone, from a process's output. */
function acknowledged(output: string): Map<string, number> {
  const lines = output.split('\n').slice(1, -1);
  return new Map(lines.map((line) => line.split(' ')).map(([zone, k]) => [zone!, Number(k)]));
}

/** What a zone may say after a kill: all that was acknowledged, and the step under way wholly or not at all. */
function possible(zone: string, steps: number): ZoneState[] {
  const states = [null, ...story(zone, cast).map(({ state }) => state)];
  return states.slice(steps, steps + 2);
}

for (let directory = 1; directory <= DIRECTORIES; directory++) {
  test(`${ROUNDS} kills lose nothing that was acknowledged and leave nothing half done (${directory})`, async () => {
    const path = workshop.path();
    const database = join(path, 'countersign.db');
    const settled = new Map<string, ZoneState>();
    let total = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const wanted = 1 + draw(30);
      const output = await killed({ directory: path, cast, round: `${round}`, lanes: 1 + draw(4) }, (process) =>
        process.until(({ stdout }) => acknowledged(stdout).size > 0 && stdout.split('\n').length > wanted),
      );
      const steps = acknowledged(output);
      total += [...steps.values()].reduce((sum, k) => sum + k, 0);
      const { zones, changes } = readZones(database, cast);
      const told = `seed ${seed}, round ${round}`;
      for (const zone of new Set([...steps.keys(), ...zones.keys()])) {
        const found = zones.get(zone) ?? null;
        if (settled.has(zone)) continue;
        const allowed = possible(zone, steps.get(zone) ?? 0).map((state) => JSON.stringify(sorted(state)));
        assert.ok(
          allowed.includes(JSON.stringify(sorted(found))),
          `${told}: ${zone} is ${JSON.stringify(found)} after ${steps.get(zone)} steps, not ${allowed.join(' or ')}`,
        );
        settled.set(zone, found);
      }
      for (const [zone, state] of settled) assert.deepEqual(zones.get(zone) ?? null, state, `${told}: ${zone} changed`);
      assert.deepEqual(
        changes,
        Array.from(changes, (_, i) => i + 1),
        `${told}: the changes have a gap`,
      );
      const store = await openStore(database, systemClock);
      assert.equal(await store.firstBrokenAuditRow(), null, told);
      await store.close();
    }
    assert.ok(total > ROUNDS * 8, `only ${total} mutations were acknowledged`);
    await isUsable(path);
  });
}

test(`${FIRST_STARTS} first starts that are killed can be started again`, async () => {
  for (let i = 0; i < FIRST_STARTS; i++) {
    const path = workshop.path();
    await killed({ directory: path, cast, round: '0', lanes: 1 }, after(draw(100)));
    await isUsable(path);
  }
});

/** The control plane opens on what is left, every private key opens, and the whole compiles. */
async function isUsable(path: string): Promise<void> {
  const plane = await openControlPlane(path, null, SILENT);
  const { entries } = await compileAll(plane.context.store);
  assert.ok(entries.some(({ kind }) => kind === 'installation'));
  await plane.close();
}

/** The same with its keys in order, to be compared as text. */
function sorted(state: ZoneState): unknown {
  return state === null
    ? null
    : Object.entries(state)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, Array.isArray(value) ? value : Object.entries(value as object).sort()]);
}
