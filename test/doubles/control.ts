import { randomBytes, randomUUID } from 'node:crypto';
import {
  bootstrap,
  type Context,
  compileAll,
  createZone,
  Deployment,
  type Distribution,
  init,
} from '../../src/control/mod.ts';
import { type Resolution, resolve, type Snapshot, SnapshotIndex } from '../../src/core/mod.ts';
import { openStore, type ZoneRow } from '../../src/store/mod.ts';

/** Workers that one test owns: they take each change at once, and acknowledge it or never. */
class TestWorkers implements Distribution {
  readonly index = new SnapshotIndex();
  /** Whether they acknowledge. */
  acknowledge = true;
  /** Every state they had, in order. */
  readonly history: Snapshot[] = [];
  readonly #compile: () => Promise<Snapshot>;

  constructor(compile: () => Promise<Snapshot>) {
    this.#compile = compile;
  }

  async deployed(): Promise<boolean> {
    const snapshot = await this.#compile();
    this.index.load(snapshot);
    this.history.push(snapshot);
    return this.acknowledge;
  }
}

/** The use cases over a database in memory, with a clock and workers that the test owns. */
export interface TestControl {
  readonly context: Context;
  readonly clock: { now: number };
  readonly workers: TestWorkers;
  readonly deployment: Deployment;
  readonly accountId: string;
  readonly zone: ZoneRow;
  /** What the edge decides for an https request now. */
  resolve(hostname: string): Resolution;
  close(): Promise<void>;
}

export async function startControl(zoneName = 'a.test'): Promise<TestControl> {
  const clock = { now: Date.parse('2026-11-24T00:00:00Z') };
  const store = await openStore(':memory:', { now: () => clock.now });
  const workers = new TestWorkers(() => compileAll(store));
  const context: Context = {
    store,
    clock: { now: () => clock.now },
    random: { bytes: (count) => randomBytes(count), uuid: () => randomUUID() },
    masterKey: randomBytes(32),
    distribution: workers,
    findPlace: null,
  };
  await bootstrap(context);
  const { accountId } = await init(context, { zones: [] });
  const zone = await createZone(context, CAUSE, { accountId, name: zoneName, type: 'full' });
  const close = () => store.close();
  return {
    context,
    clock,
    workers,
    deployment: new Deployment(context),
    accountId,
    zone,
    resolve: (hostname) => resolve(workers.index, hostname, 'https'),
    close,
  };
}

export const CAUSE = { actor: 'test', source: '' };
