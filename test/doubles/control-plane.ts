import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, serveApi } from '../../src/api/mod.ts';
import { type ControlPlane, openControlPlane } from '../../src/app/mod.ts';
import { init } from '../../src/control/mod.ts';
import { ApiCounters, type Logger } from '../../src/observe/mod.ts';

export const SILENT: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A control plane with its API on loopback and one zone, without workers: every change counts as deployed at once. */
export interface TestControlPlane {
  readonly plane: ControlPlane;
  /** Base URL, `/client/v4` included. */
  readonly api: string;
  readonly accountId: string;
  readonly email: string;
  readonly key: string;
  readonly token: string;
  readonly zone: { readonly id: string; readonly name: string };
  /** Errors that were nobody's input: must stay empty. */
  readonly internalErrors: Error[];
  close(): Promise<void>;
}

export async function startControlPlane(zoneName = 'example.test'): Promise<TestControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  const plane = await openControlPlane(directory, null, SILENT);
  const made = await init(plane.context, { email: 'team@example.test', zones: [{ name: zoneName }] });
  await plane.publisher.start(join(directory, 'fleet.sock'));
  const internalErrors: Error[] = [];
  const app = createApi({
    context: plane.context,
    deployment: plane.deployment,
    events: plane.events,
    examinations: plane.examinations,
    originProofs: plane.originProofs,
    originPullCa: plane.installation.originPullCa,
    readiness: () => ({ ready: true, parts: { store: 'open' } }),
    status: () => assert.fail('nothing runs here'),
    counters: new ApiCounters(),
    metrics: async () => '',
    edgeHttpsPort: () => 8443,
    onInternalError: (error) => internalErrors.push(error),
  });
  const served = await serveApi({ fetch: app.fetch, host: '127.0.0.1', port: 0 });
  return {
    plane,
    api: `http://127.0.0.1:${served.port}/client/v4`,
    accountId: made.accountId,
    email: made.email,
    key: made.apiKey!,
    token: made.apiToken!,
    zone: made.zones[0]!,
    internalErrors,
    close: async () => {
      await served.close();
      await plane.close();
      rmSync(directory, { recursive: true });
    },
  };
}
