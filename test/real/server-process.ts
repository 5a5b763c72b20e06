import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const SERVERS = ['nginx', 'apache', 'haproxy'] as const;
export type ServerName = (typeof SERVERS)[number];

const BINARIES: Readonly<Record<ServerName, string>> = { nginx: 'nginx', apache: 'apache2', haproxy: 'haproxy' };
export const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Why a server cannot be started here; false where it can. */
export function missing(name: ServerName): string | false {
  const found = spawnSync('which', [BINARIES[name]], { env: environment }).status === 0;
  return found ? false : `${name} is not installed`;
}

/** A server that runs. */
export interface ServerProcess {
  stop(): Promise<void>;
}

/** A directory for a server's files; servers that start as root go on as somebody else, who can read it. */
export function serverDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  chmodSync(directory, 0o755);
  return directory;
}

/**
 * Starts a server and resolves when all its ports can be reached. Stopping it removes its directory. What it writes to
 * stdout goes to the open file `stdout`, if one is given.
 */
export async function startProcess(
  command: readonly string[],
  directory: string,
  ports: readonly number[],
  stdout?: number,
): Promise<ServerProcess> {
  const stdio = ['ignore', stdout ?? 'ignore', 'pipe'] as const;
  const child = spawn(command[0]!, command.slice(1), { env: environment, stdio: [...stdio] });
  let errors = '';
  child.stderr!.on('data', (data) => {
    errors += data;
  });
  for (const port of ports) await reachable(child, port, () => errors);
  return {
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        await exited;
      }
      rmSync(directory, { recursive: true });
    },
  };
}

/** nginx's directives for its temporary files. */
export function nginxPaths(directory: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join(' ');
}

/** Free ports, all different: each is held until the last one is found. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: net.Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function reachable(child: ChildProcess, port: number, errors: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${errors()}`);
    const connected = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
