import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { makeCa, makeClient } from '../../test/doubles/certificates.ts';
import { CAUSE, startControl, type TestControl } from '../../test/doubles/control.ts';
import {
  changeSettings,
  compileAll,
  compileDelta,
  deleteCertificate,
  listCertificates,
  putAssociations,
  setZoneLevel,
  uploadCertificate,
} from './mod.ts';

const HOSTNAMES = ['a.test', 'www.a.test'] as const;
type Pair = Awaited<ReturnType<typeof makeClient>>;
let pairs: readonly Pair[];

before(async () => {
  const ca = await makeCa('Team CA');
  pairs = await Promise.all([0, 1, 2].map((i) => makeClient(ca, `edge ${i}`)));
});

/** What the documentation says, in a few lines: three switches that do not know of each other. */
interface Model {
  global: boolean;
  zone: boolean;
  /** Ids by pair, the most recently deployed last. */
  readonly zoneCertificates: Map<number, string>;
  readonly hostnameCertificates: Map<number, string>;
  readonly associations: Map<string, { certificate: string; enabled: boolean }>;
}

function expected(model: Model, hostname: string): string | null {
  const association = model.associations.get(hostname);
  if (association?.enabled === false) return null;
  if (association) return association.certificate;
  const newest = [...model.zoneCertificates.values()].at(-1);
  if (model.zone && newest !== undefined) return newest;
  return model.global ? 'shared' : null;
}

type Step =
  | { readonly kind: 'global'; readonly on: boolean }
  | { readonly kind: 'zone'; readonly on: boolean }
  | { readonly kind: 'upload' | 'delete'; readonly store: 'zone' | 'hostname'; readonly pair: number }
  | { readonly kind: 'associate'; readonly hostname: string; readonly pair: number; readonly enabled: boolean | null };

const store = fc.constantFrom('zone' as const, 'hostname' as const);
const pair = fc.nat(2);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('global' as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant('zone' as const), on: fc.boolean() }),
  fc.record({ kind: fc.constantFrom('upload' as const, 'delete' as const), store, pair }),
  fc.record({ kind: fc.constant('upload' as const), store, pair }),
  fc.record({
    kind: fc.constant('associate' as const),
    hostname: fc.constantFrom(...HOSTNAMES),
    pair,
    enabled: fc.constantFrom(true, false, null),
  }),
);

async function take({ context, deployment, zone, clock }: TestControl, model: Model, step: Step): Promise<void> {
  clock.now += 1000;
  if (step.kind === 'global') {
    const value = step.on ? 'on' : 'off';
    await changeSettings(context, CAUSE, zone, [{ id: 'tls_client_auth', value, pointer: '' }]);
    model.global = step.on;
  } else if (step.kind === 'zone') {
    await setZoneLevel(context, CAUSE, zone, step.on);
    model.zone = step.on;
  } else if (step.kind === 'associate') {
    const certId = model.hostnameCertificates.get(step.pair);
    if (certId === undefined) return;
    const { hostname, enabled } = step;
    await putAssociations(context, deployment, CAUSE, zone, [{ hostname, certId, enabled }]);
    if (enabled === null) model.associations.delete(hostname);
    else model.associations.set(hostname, { certificate: certId, enabled });
  } else {
    const certificates = step.store === 'zone' ? model.zoneCertificates : model.hostnameCertificates;
    const id = certificates.get(step.pair);
    if (step.kind === 'upload') {
      const upload = uploadCertificate(context, deployment, CAUSE, zone, step.store, pairs[step.pair]!);
      if (id !== undefined) await assert.rejects(upload, /already exists/);
      else certificates.set(step.pair, (await upload).row.id);
    } else if (id !== undefined) {
      const inUse = [...model.associations.values()].some(({ certificate }) => certificate === id);
      const deletion = deleteCertificate(context, deployment, CAUSE, zone, step.store, id);
      if (inUse) await assert.rejects(deletion, /in use/);
      else if ((await deletion).status === 'deleted') certificates.delete(step.pair);
    }
  }
}

test('whatever the order of changes, each hostname gets what the three switches say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 25 }), async (taken) => {
      const control = await startControl();
      const model: Model = {
        global: false,
        zone: false,
        zoneCertificates: new Map(),
        hostnameCertificates: new Map(),
        associations: new Map(),
      };
      try {
        for (const step of taken) {
          await take(control, model, step);
          for (const hostname of HOSTNAMES) {
            const { identity } = control.resolve(hostname);
            const presented = identity?.level === 'global' ? 'shared' : (identity?.id ?? null);
            assert.equal(presented, expected(model, hostname), `${hostname} after ${JSON.stringify(step)}`);
          }
        }
        for (const [which, certificates] of [
          ['zone', model.zoneCertificates],
          ['hostname', model.hostnameCertificates],
        ] as const) {
          const listed = await listCertificates(control.context, control.zone, which);
          assert.deepEqual(listed.map(({ id }) => id).sort(), [...certificates.values()].sort());
        }
        await checkStore(control);
      } finally {
        await control.close();
      }
    }),
    { numRuns: 40 },
  );
});

/** The logs are whole, and following the changes gives the same state as compiling it anew. */
async function checkStore({ context }: TestControl): Promise<void> {
  const { db } = context.store;
  const changes = await db.selectFrom('changes').select('number').orderBy('number').execute();
  assert.deepEqual(
    changes.map(({ number }) => number),
    changes.map((_, i) => i + 1),
    'gapless',
  );
  assert.equal(await context.store.firstBrokenAuditRow(), null);
  const followed = (await compileDelta(context.store, 0))!.upserts;
  const byText = (entries: readonly unknown[]) => entries.map((entry) => JSON.stringify(entry)).sort();
  assert.deepEqual(byText(followed), byText((await compileAll(context.store)).entries));
}
