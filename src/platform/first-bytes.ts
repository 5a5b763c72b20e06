import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { readRecords } from './node-socket.ts';
import { currentRuntime } from './runtime.ts';

/** Whoever decides by what comes first what is spoken on a connection. */
export interface FirstBytesListener {
  onFirstBytes(data: Buffer): void;
}

const LISTENER = Symbol('first bytes listener');
type Heard = Socket & { [LISTENER]: FirstBytesListener };

/**
 * Tells a listener what a connection that has just come brings, until TLS is put on it (`acceptTls`) or it is held. `isTls`: with the first
 * byte a ClientHello begins.
 */
export function hearFirstBytes(socket: Socket, listener: FirstBytesListener, isTls: boolean): void {
  if (isTls && currentRuntime().name === 'node' && readRecords(socket, listener)) return;
  (socket as Heard)[LISTENER] = listener;
  socket.on('data', tell);
}

/** Tells nothing more, and reads nothing more until somebody takes the connection over. */
export function holdFirstBytes(socket: Socket): void {
  stopTelling(socket);
  socket.pause();
}

/** Tells nothing more. What still comes waits, or is for whoever takes the connection over at once. */
export function stopTelling(socket: Socket): void {
  if (LISTENER in socket) {
    socket.off('data', tell);
    socket.pause();
  }
}

function tell(this: Heard, data: Buffer): void {
  this[LISTENER].onFirstBytes(data);
}
