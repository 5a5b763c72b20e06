import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { isGone } from '../doubles/process-list.ts';
import { FREE_PORTS, type UpInfo, Workshop } from '../doubles/program.ts';
import { chooseSeed, seeded } from '../doubles/random.ts';
import { type Cast, readZones, story, type ZoneState } from '../doubles/story.ts';

const ROUNDS = 8;
const LANES = 3;

const workshop = new Workshop();
const seed = chooseSeed();
const draw = seeded(seed);
console.log(`COUNTERSIGN_TEST_SEED=${seed}`);

/** Calls the API as any client does, over its port. */
function client({ api, tokenFile }: UpInfo): (method: string, path: string, body?: unknown) => Promise<unknown> {
  const headers = { Authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
  return async (method, path, body) => {
    const response = await fetch(api + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope = (await response.json()) as { success: boolean; result: unknown };
    if (!envelope.success) throw new Refusal(`${method} ${path}: ${JSON.stringify(envelope)}`);
    return envelope.result;
  };
}

/** An answer that says no: not what a dead control plane does. */
class Refusal extends Error {}

test(`${ROUNDS} kills of a control plane at work: it starts again with all it acknowledged, and leaves no process`, async () => {
  const ca = await makeCa('CA');
  const cast: Cast = {
    first: await makeClient(ca, '1'),
    second: await makeClient(ca, '2'),
    third: await makeClient(ca, '3'),
  };
  const data = workshop.path();
  let ports = FREE_PORTS;
  let pids: number[] = [];
  let wanted = new Map<string, readonly ZoneState[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    const told = `seed ${seed}, round ${round}`;
    const { process, info } = await workshop.up(['--data', data, '--workers', '2', ...ports]);
    const { zones } = readZones(join(data, 'countersign.db'), cast);
    for (const [zone, allowed] of wanted) {
      const found = zones.get(zone) ?? null;
      assert.ok(
        allowed.some((state) => same(found, state)),
        `${told}: ${zone} is ${JSON.stringify(found)}, not ${JSON.stringify(allowed)}`,
      );
    }
    for (const pid of pids) await isGone(pid);
    wanted = new Map([...zones].map(([zone, state]) => [zone, [state]]));
    if (round === ROUNDS) {
      process.child.kill('SIGTERM');
      assert.equal((await process.finished).code, 0);
      break;
    }
    // On the same ports: that is how a service manager starts it again.
    ports = ['--api', new URL(info.api).host, '--edge-https', info.edge.https, '--edge-http', info.edge.http];
    pids = [info.pid, ...info.workers];
    const call = client(info);
    let left = 1 + draw(40);
    const lane = async (number: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const zone = `${i % 2 === 0 ? 'short' : 'long'}-${round}-${number}-${i}.test`;
        const steps = story(zone, cast);
        const states = [null, ...steps.map(({ state }) => state)];
        for (const [k, { perform }] of steps.entries()) {
          wanted.set(zone, states.slice(k, k + 2));
          try {
            await perform(call);
          } catch (error) {
            if (error instanceof Refusal) throw error;
            return;
          }
          wanted.set(zone, states.slice(k + 1, k + 2));
          if (--left === 0) process.child.kill('SIGKILL');
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
    assert.equal((await process.finished).signal, 'SIGKILL', told);
  }
});

function same(a: ZoneState, b: ZoneState): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
