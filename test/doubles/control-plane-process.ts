import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createApi } from '../../src/api/mod.ts';
import { openControlPlane } from '../../src/app/mod.ts';
import { init } from '../../src/control/mod.ts';
import { ApiCounters } from '../../src/observe/mod.ts';
import { SILENT } from './control-plane.ts';
import { type Cast, story } from './story.ts';

/** What the process is told, as one line of JSON on stdin, once it is loaded. */
export interface Orders {
  readonly directory: string;
  readonly cast: Cast;
  /** Goes into the names of the zones that it makes. */
  readonly round: string;
  readonly lanes: number;
}

/** Mutates a control plane until it is killed: one story after the other, in several lanes at once. */
async function main({ directory, cast, round, lanes }: Orders): Promise<void> {
  const plane = await openControlPlane(directory, null, SILENT);
  const token = 'a-token-that-every-round-uses';
  await init(plane.context, { apiToken: token, zones: [] });
  await plane.publisher.start(join(directory, `${round}.sock`));
  const app = createApi({
    context: plane.context,
    deployment: plane.deployment,
    events: plane.events,
    examinations: plane.examinations,
    originProofs: plane.originProofs,
    originPullCa: plane.installation.originPullCa,
    readiness: () => ({ ready: true, parts: {} }),
    status: () => assert.fail('nothing runs here'),
    counters: new ApiCounters(),
    metrics: async () => '',
    edgeHttpsPort: () => 8443,
    onInternalError: (error) => {
      throw error;
    },
  });
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await app.request(`/client/v4${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope = (await response.json()) as { success: boolean; result: unknown };
    if (!envelope.success) throw new Error(`${method} ${path}: ${JSON.stringify(envelope)}`);
    return envelope.result;
  };
  const run = async (lane: number) => {
    for (let i = 0; ; i++) {
      const zone = `${i % 2 === 0 ? 'long' : 'short'}-${round}-${lane}-${i}.test`;
      for (const [k, { perform }] of story(zone, cast).entries()) {
        await perform(call);
        // At once, past every buffer: what is acknowledged must be known before the next kill.
        writeSync(1, `${zone} ${k + 1}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
}

process.stdin.once('data', (data) => {
  main(JSON.parse(String(data)) as Orders).catch((error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
});
// Nobody gives orders: the runtime gets to keep its cache of what was loaded.
process.stdin.on('end', () => process.exit(0));
writeSync(1, 'loaded\n');
