import { lookup } from 'node:dns/promises';
import { closeSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { duplicateDescriptor } from './duplicate.ts';
import { currentRuntime } from './runtime.ts';

/** A bound socket that this process holds for others and never accepts on: they inherit the descriptor. */
export interface ListeningSocket {
  readonly fd: number;
  readonly port: number;
  close(): void;
}

/**
 * Binds an address for processes that will inherit it. While any of them, or this one, holds the socket, nothing that
 * is queued on it is lost. Null where the runtime gives no descriptor; rejects with the system's error.
 */
export async function openListeningSocket(host: string, port: number): Promise<ListeningSocket | null> {
  return currentRuntime().name === 'bun' ? await openOnBun(host, port) : await openOnNode(host, port);
}

// --- Node: a handle that is bound and not listened on; the first process that inherits it listens ------------------

interface BoundHandle {
  readonly fd: number;
  getsockname(out: { port?: number }): number;
  close(): void;
}
type CreateHandle = (address: string, port: number, family: number) => BoundHandle | number;

async function openOnNode(host: string, port: number): Promise<ListeningSocket | null> {
  // What the cluster module makes its sockets with.
  const create = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;
  if (process.platform === 'win32' || create === undefined) return null;
  const { address, family } = await lookup(host);
  const handle = create(address, port, family);
  if (typeof handle === 'number') throw systemError(handle);
  const name: { port?: number } = {};
  // A port that is taken shows only here.
  const problem = handle.getsockname(name);
  if (problem !== 0 || !name.port) {
    handle.close();
    throw systemError(problem);
  }
  return { fd: handle.fd, port: name.port, close: () => handle.close() };
}

function systemError(code: number): NodeJS.ErrnoException {
  const name = code === 0 ? 'EADDRINUSE' : getSystemErrorName(code);
  return Object.assign(new Error(name), { code: name });
}

// --- Bun: a duplicate of a server's descriptor, which stays when the server is closed ------------------------------

async function openOnBun(host: string, port: number): Promise<ListeningSocket | null> {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4096 }, () => resolve());
  });
  // Nothing is accepted meanwhile: it all happens before the event loop goes on.
  const bound = (server.address() as AddressInfo).port;
  const { fd } = (server as unknown as { _handle: { fd?: number } })._handle;
  const duplicate = fd === undefined || fd < 0 ? null : duplicateDescriptor(fd);
  server.close();
  return duplicate === null || duplicate < 0 ? null : { fd: duplicate, port: bound, close: () => closeSync(duplicate) };
}
