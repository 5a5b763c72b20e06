// `npm run fuzz -- NAME`: one fuzz, for as long as it is told.
import { parseArgs } from 'node:util';
import { chooseSeed } from '../doubles/random.ts';
import { fuzzHttp1 } from './http1/fuzz.ts';
import { fuzzIdentity } from './identity/fuzz.ts';
import { fuzzSmuggling } from './smuggling/fuzz.ts';

/** What every fuzz is told. */
interface Orders {
  readonly seed: number;
  readonly seconds: number;
  readonly onProgress: (line: string) => void;
}

/** Figures for the last line, and the cases that failed. */
interface Outcome {
  readonly figures: object;
  readonly findings: readonly unknown[];
}

const FUZZES: Readonly<Record<string, (orders: Orders) => Promise<Outcome>>> = {
  identity: async (orders) => {
    const { mismatches, unused, ...figures } = await fuzzIdentity(orders);
    return { figures, findings: [...mismatches, ...unused] };
  },
  http1: async (orders) => {
    const { broken, ...figures } = await fuzzHttp1(orders);
    return { figures, findings: broken };
  },
  smuggling: async (orders) => {
    const { disagreements, ...figures } = await fuzzSmuggling(orders);
    return { figures, findings: disagreements };
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string' } },
});
const name = positionals[0] ?? '';
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
if (positionals.length !== 1 || !Object.hasOwn(FUZZES, name) || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `Usage: npm run fuzz -- ${Object.keys(FUZZES).join('|')} [--seconds N] [--seed S] [--runtime bun|node]\n`,
  );
  process.exit(2);
}
process.stderr.write(`${name}: seed ${seed}\n`);
const started = performance.now();
const onProgress = (line: string): void => {
  process.stderr.write(`${Math.round((performance.now() - started) / 1000)} s: ${line}\n`);
};
try {
  const { figures, findings } = await FUZZES[name]!({ seed, seconds, onProgress });
  for (const finding of findings) process.stderr.write(`${JSON.stringify(finding, null, 2)}\n`);
  const took = Math.round((performance.now() - started) / 100) / 10;
  process.stdout.write(
    `${JSON.stringify({ fuzz: name, runtime: runtime(), seed, seconds: took, ...figures, findings: findings.length })}\n`,
  );
  process.exitCode = findings.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.stdout.write(
    `${JSON.stringify({ fuzz: name, runtime: runtime(), seed, error: (error as Error).message })}\n`,
  );
  process.exitCode = 1;
}

function runtime(): string {
  return process.versions.bun === undefined ? 'node' : 'bun';
}
