// `npm run bench`: the questions of this folder, one after the other, or those named.
import { parseArgs } from 'node:util';
import { engine } from './engine.ts';
import { forwarding } from './forwarding.ts';
import type { Runtime } from './harness/product.ts';
import { hosts } from './hosts.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { propagation } from './propagation.ts';
import { rateLimit } from './rate-limit.ts';
import { rules } from './rules.ts';
import { soak } from './soak.ts';
import { startTime } from './start.ts';
import { WORKS } from './works.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bun: { type: 'string' },
    node: { type: 'string' },
    rounds: { type: 'string', default: '6' },
    runtime: { type: 'string' },
    seconds: { type: 'string' },
    work: { type: 'string', multiple: true, default: [] },
    connections: { type: 'string', default: '50' },
    idle: { type: 'string', default: '10000' },
    hosts: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    changes: { type: 'string', default: '500' },
    requests: { type: 'string', default: '1000000' },
  },
});
const runtimes: Runtime[] = (['bun', 'node'] as const).flatMap((name) => {
  const path = values[name];
  return path && (values.runtime ?? name) === name ? [{ name, path }] : [];
});

const QUESTIONS: Readonly<Record<string, () => Promise<string>>> = {
  forwarding: async () => {
    await forwarding({
      runtimes,
      works: WORKS.filter(({ name }) => values.work.length === 0 || values.work.includes(name)),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds ?? 3),
      report: (text) => process.stdout.write(`${text}\n`),
    });
    return '';
  },
  engine: async () => engine(runtimes),
  propagation: () => propagation({ runtimes, workers: Number(values.workers), changes: Number(values.changes) }),
  memory: () => memory({ runtimes, requests: Number(values.requests), connections: Number(values.connections) }),
  start: () => startTime(runtimes, 5),
  idle: () => idle(runtimes, Number(values.idle)),
  latency: () =>
    latency({
      runtimes,
      rounds: Number(values.rounds),
      seconds: Number(values.seconds ?? 3),
      connections: Number(values.connections),
    }),
  hosts: () =>
    hosts({
      runtimes,
      hosts: Number(values.hosts),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds ?? 3),
    }),
  rules: () => rules(runtimes),
  'rate-limit': () =>
    rateLimit({
      runtimes,
      workers: Number(values.workers),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds ?? 3),
    }),
  soak: async () => {
    const { text, isGood } = await soak({ runtimes, seconds: Number(values.seconds ?? 1800) });
    if (!isGood) process.exitCode = 1;
    return text;
  },
};

const unknown = positionals.find((name) => !Object.hasOwn(QUESTIONS, name));
if (unknown !== undefined) {
  process.stderr.write(`There is no benchmark "${unknown}": choose from ${Object.keys(QUESTIONS).join(', ')}.\n`);
  process.exit(2);
}
/** A soak takes its time: it runs where it is named. */
const usual = Object.keys(QUESTIONS).filter((name) => name !== 'soak');
for (const name of positionals.length > 0 ? positionals : usual) {
  process.stdout.write(`\n== ${name}\n${await QUESTIONS[name]!()}\n`);
}
process.exit();
