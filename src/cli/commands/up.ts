import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import {
  type Demo,
  openControlPlane,
  type Running,
  runDemoChecks,
  start,
  startDemo,
  writeToken,
} from '../../app/mod.ts';
import { type Config, OPTIONS } from '../../config/mod.ts';
import { init } from '../../control/mod.ts';
import { createLogger, type Logger } from '../../observe/mod.ts';
import { notifyServiceManager, onHangUp, onStopSignal, systemClock } from '../../platform/mod.ts';
import { readConfig } from '../files.ts';
import { colour, print, printJson, table } from '../output.ts';

/** `countersign up`: control plane and edge in one go. */
export function upCommand(): Command {
  const command = new Command('up').description('run control plane and edge');
  for (const { flag, value, help, variable } of OPTIONS) {
    command.addOption(new Option(`--${flag}${value === null ? '' : ` <${value}>`}`, `${help} [${variable}]`));
  }
  command.option('--runtime <bun|node>', 'runtime to use [COUNTERSIGN_RUNTIME]');
  command.option('--json', 'print one JSON object when everything listens; logs go to stderr');
  return command.action(run);
}

async function run(
  flags: Partial<Record<keyof Config, string | boolean>> & { readonly json?: boolean },
): Promise<void> {
  const config = readConfig(flags, process.env);
  const logger = createLogger({ part: 'control', pid: process.pid });
  const plane = await openControlPlane(config.data, config.database, logger, config.geoip);
  let running: Running;
  let accountId: string;
  try {
    // A first start without `init`: an account with a token, so that there is something to talk to.
    const keepToken = (token: string) => writeToken(plane.directory, token);
    accountId = (await init(plane.context, { zones: [], keepToken })).accountId;
  } catch (error) {
    await plane.close();
    throw error;
  }
  running = await start(plane, config, logger);
  const apiFile = join(plane.directory.path, 'api');
  writeFileSync(apiFile, `${running.api}\n`);
  const demo = config.demo ? await startDemo(running, accountId) : null;
  const stop = () => {
    logger.info({}, 'stopping: what is under way may finish');
    notifyServiceManager('stopping');
    rmSync(apiFile, { force: true });
    // The demo's origin ends with this process: until then requests that are under way need it.
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  onStopSignal(
    () => systemClock.now(),
    stop,
    () => {
      running.stop(true).finally(() => process.exit(1));
    },
  );
  onHangUp(() => reload(running, logger), stop);
  notifyServiceManager('ready');
  if (flags.json) printJson(describeJson(running, demo));
  else await describe(running, demo);
}

async function reload(running: Running, logger: Logger): Promise<void> {
  logger.info({ workers: running.workers() }, 'reloading: new workers take over');
  notifyServiceManager('reloading');
  const isDone = await running.reload();
  if (isDone) logger.info({ workers: running.workers() }, 'reloaded');
  notifyServiceManager('ready');
}

/** The contract of `up --json` (design/product.md). */
function describeJson(running: Running, demo: Demo | null): object {
  const { directory } = running.plane;
  return {
    ready: true,
    pid: process.pid,
    workers: running.workers(),
    edge: running.edge,
    api: running.api,
    ...(running.apiTls === null ? {} : { apiTls: running.apiTls }),
    dataDir: directory.path,
    tokenFile: directory.token,
    rootCaFile: directory.root,
    originPullCaFile: directory.originPullCa,
    ...(demo === null ? {} : { demo: { zone: demo.zone, hostnames: demo.hostnames, origin: demo.origin } }),
  };
}

async function describe(running: Running, demo: Demo | null): Promise<void> {
  const { directory } = running.plane;
  const lines = [
    colour('bold', 'Countersign is up.'),
    `  edge    https://${running.edge.https}  http://${running.edge.http}  (${running.workers().length} workers)`,
    `  api     ${running.api}`,
    ...(running.apiTls === null ? [] : [`  api     ${running.apiTls}`]),
    `  token   ${directory.token}`,
    `  root    ${directory.root}  (what a local client trusts)`,
    `  AOP CA  ${directory.originPullCa}  (what your origin trusts for the global level)`,
  ];
  print(lines.join('\n'));
  if (demo !== null) await describeDemo(running, demo);
  print('\nStop with Ctrl-C.');
}

async function describeDemo(running: Running, demo: Demo): Promise<void> {
  print(`\nDemo: an origin at ${demo.origin} that demands client certificates, and one hostname a level.\n`);
  const checks = await runDemoChecks(running, demo);
  const mark = (ok: boolean) => (ok ? colour('green', 'ok') : colour('red', 'WRONG'));
  print(table([['REQUEST', 'ANSWER', ''], ...checks.map(({ request, got, ok }) => [request, got, mark(ok)])]));
  const [hostname] = demo.hostnames;
  const port = running.edge.https.slice(running.edge.https.lastIndexOf(':') + 1);
  const { root } = running.plane.directory;
  print(`\nTry:
  curl --cacert ${root} --connect-to ::${running.edge.https} https://${hostname}:${port}/
  npx countersign explain https://${demo.hostnames[1]}/
  npx countersign level show --zone ${demo.zone.name}
  npx countersign level set zone off --zone ${demo.zone.name}     # then explain again
  npx countersign doctor hostname.${demo.zone.name}               # is its origin closed?`);
}
