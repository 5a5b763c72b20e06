import { Buffer } from 'node:buffer';
import net, { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import tls, { type TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { FirstBytesListener } from './first-bytes.ts';
import type { SecurePeerSocket } from './secure-socket.ts';

// TLS on Node: `tls.TLSSocket`, but what is read goes straight to whoever listens. A stream has an ArrayBuffer made for every
// read, and queues it; that is a tenth of a small request (docs/decisions/0024).

/** Where reads arrive. What is passed on is copied out of it at once: nobody sees what others read. */
const ARRIVED: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
/** What the TLS library gives at once at most, a record (RFC 8446 section 5.1). */
const RECORD = 16 * 1024;
/** Reads of up to this many bytes share memory: whoever keeps one keeps as much as a whole record at most. */
const SMALL = 2 * 1024;
/** From this many bytes on a read counts as one of many: the next arrives where it stays. */
const LARGE = 8 * 1024;
/** What is made at once for large reads. */
const SLAB = 2 * RECORD;

/**
 * With `onread` a pause stops the reading at once, and large bodies come read by read: two fifths of an upload. As with every stream
 * it goes on until enough waits.
 */
const PAUSE_LATER = { pause: Duplex.prototype.pause, resume: Duplex.prototype.resume };

/** Begins a connection and a handshake on it, as `tls.connect`. */
export function connectOnNode(options: tls.ConnectionOptions): SecurePeerSocket {
  let next = ARRIVED;
  const onread = {
    buffer: () => next,
    callback: (length: number, buffer: Buffer) => {
      next = placeAfter(length, buffer);
      return deliver(socket, taken(length, buffer));
    },
  };
  const socket = tls.connect({ ...options, onread } as tls.ConnectionOptions);
  Object.assign(socket, PAUSE_LATER);
  return socket as SecurePeerSocket;
}

/** The connection as Node's streams hold it. */
interface Handle extends Record<symbol, unknown> {
  useUserBuffer?(buffer: Buffer): void;
}

/** What is used here of a `net.Socket` besides what its documentation says. */
interface Shell extends Record<symbol, unknown> {
  _handle: Handle | null;
  [READING]?: RecordReading;
}

/** What is used here of a `tls.TLSSocket` besides what its documentation says. */
interface Parts {
  connecting: boolean;
  readonly _handle: { receive(data: Buffer): void } | null;
  readonly _tlsOptions: { ALPNProtocols: Uint8Array | undefined; readonly handle: Handle };
}

const { _wrapHandle } = tls.TLSSocket.prototype as unknown as {
  readonly _wrapHandle: ((wrap: null, handle: Handle, hasUnwritten: boolean) => object) | undefined;
};
/** What `net.Socket` makes of the option `onread`: where a read arrives, who is told of it, and who then says where the next one shall. */
const [kBuffer, kBufferCb, kBufferGen] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
  Object.getOwnPropertySymbols(new net.Socket()).find(({ description }) => description === name),
);

/** Whether this version of Node has what is used here. Where not, a visitor has two streams, one over the other. */
export const canTakeOver: boolean =
  _wrapHandle !== undefined && kBuffer !== undefined && kBufferCb !== undefined && kBufferGen !== undefined;

/** Where the read after the one that is being told of arrives. Node asks at once, so all sockets share the answer. */
let placeOfNext = ARRIVED;
const nextPlace = (): Buffer => placeOfNext;

// --- before the handshake ------------------------------------------------------------------------------------------

const READING = Symbol('record reading');
/** Where a record's header arrives (RFC 8446 section 5.1). */
const HEADER: Buffer = Buffer.allocUnsafeSlow(5);
/** The connection that is being told what its record has brought. */
let told: Shell | null = null;

/** How far a connection that is read by records is. */
class RecordReading {
  readonly listener: FirstBytesListener;
  /** Bytes of the current record's header that are there. */
  header = 0;
  /** Bytes behind the header that are still to come, once it is whole. */
  left = 0;

  constructor(listener: FirstBytesListener) {
    this.listener = listener;
  }
}

/**
 * Reads a connection that has just come by records: a header, then exactly what that announces. The listener gets every piece as it comes. Whoever
 * takes the connection over with the end of a record makes the next read himself, and says how much it may bring. False where this
 * version of Node cannot.
 */
export function readRecords(socket: Socket, listener: FirstBytesListener): boolean {
  const shell = socket as unknown as Shell;
  const handle = shell._handle;
  if (!canTakeOver || handle?.useUserBuffer === undefined) return false;
  shell[READING] = new RecordReading(listener);
  shell[kBuffer!] = HEADER;
  shell[kBufferCb!] = onRecordBytes;
  shell[kBufferGen!] = nextPlace;
  handle.useUserBuffer(HEADER);
  return true;
}

function onRecordBytes(this: Shell, length: number, buffer: Buffer): boolean {
  const reading = this[READING]!;
  const isHeader = reading.header < HEADER.length;
  if (isHeader) readHeader(reading, buffer, length);
  else reading.left -= length;
  told = this;
  reading.listener.onFirstBytes(isHeader ? copyOf(buffer, length) : buffer.subarray(0, length));
  told = null;
  if (this._handle !== null) placeOfNext = placeInRecord(reading, isHeader ? null : buffer.subarray(length));
  return true;
}

function readHeader(reading: RecordReading, buffer: Buffer, length: number): void {
  for (let i = 0; i < length; i++) {
    const at = reading.header++;
    if (at >= 3) reading.left = (reading.left << 8) | buffer[i]!;
  }
}

/** Where the next bytes arrive: `rest` is what is left of the memory for this record, if there is any yet. */
function placeInRecord(reading: RecordReading, rest: Buffer | null): Buffer {
  if (reading.header === HEADER.length && reading.left === 0) reading.header = 0;
  if (reading.header < HEADER.length) return HEADER.subarray(0, HEADER.length - reading.header);
  return rest !== null && rest.length > 0 ? rest : Buffer.allocUnsafeSlow(Math.min(reading.left, RECORD));
}

/**
 * Answers a handshake of which `received` is there, as `new tls.TLSSocket`. The connection is the answer's own from then on, and no longer
 * that socket's.
 */
export function acceptOnNode(
  socket: Socket,
  received: Buffer,
  isRoomy: boolean,
  options: TLSSocketOptions,
): SecurePeerSocket {
  const shell = socket as unknown as Shell;
  const handle = shell._handle;
  if (!canTakeOver || handle === null) {
    socket.unshift(received);
    return new tls.TLSSocket(socket, options) as SecurePeerSocket;
  }
  const isByRecords = shell[READING] !== undefined;
  const waiting: Buffer | null = isByRecords ? null : socket.read();
  shell._handle = null;
  const secured = new VisitorSocket(handle, options);
  // Not before somebody listens. Where a record has just ended not even before the read behind it: that one has nothing to bring,
  // but asks the TLS library for room, and gets as much as large reads take (docs/decisions/0024).
  const later = told === shell && isRoomy ? setImmediate : process.nextTick;
  later(receive, secured, waiting === null ? received : Buffer.concat([received, waiting]));
  return secured as SecurePeerSocket;
}

function receive(socket: VisitorSocket, data: Buffer): void {
  (socket as unknown as Parts)._handle?.receive(data);
}

// --- from the handshake on -----------------------------------------------------------------------------------------

const ON_READ = { buffer: ARRIVED, callback: passOn };
/** By which a handle names its stream. */
let ownerSymbol: symbol | undefined;

/** A `tls.TLSSocket` on a connection that is there already, without a stream of TCP under it: that is 2 KiB of an idle visitor. */
class VisitorSocket extends tls.TLSSocket {
  constructor(handle: Handle, options: TLSSocketOptions) {
    super(null as unknown as Socket, { ...options, handle, allowHalfOpen: true, onread: ON_READ } as TLSSocketOptions);
    const parts = this as unknown as Parts;
    // Without a socket under it one would begin.
    parts.connecting = false;
    ownerSymbol ??= Object.getOwnPropertySymbols(handle).find(({ description }) => description === 'owner_symbol');
    if (ownerSymbol !== undefined) handle[ownerSymbol] = this;
    // The library has a copy of its own. This one would keep the 64 KiB of other buffers that it was cut out of.
    parts._tlsOptions.ALPNProtocols = undefined;
  }

  _wrapHandle(): object {
    return _wrapHandle!.call(this, null, (this as unknown as Parts)._tlsOptions.handle, false);
  }
}
Object.assign(VisitorSocket.prototype, PAUSE_LATER);

function passOn(this: VisitorSocket, length: number, buffer: Buffer): boolean {
  const next = placeAfter(length, buffer);
  // Node asks for the next place only where there is a function to ask: most visitors never send much.
  if (next !== ARRIVED) (this as unknown as Record<symbol, unknown>)[kBufferGen!] = nextPlace;
  const wantsMore = deliver(this, taken(length, buffer));
  placeOfNext = next;
  return wantsMore;
}

/** Where the read after this one shall arrive: after a large one in memory of the socket's own, so that it need not be copied. */
function placeAfter(length: number, buffer: Buffer): Buffer {
  if (length < LARGE) return ARRIVED;
  const hasRoom = buffer !== ARRIVED && buffer.length - length >= RECORD;
  return hasRoom ? buffer.subarray(length) : Buffer.allocUnsafeSlow(SLAB);
}

/** What has arrived, as the socket's own. */
function taken(length: number, buffer: Buffer): Buffer {
  return length >= LARGE && buffer !== ARRIVED ? buffer.subarray(0, length) : copyOf(buffer, length);
}

/** False where nothing more is wanted for now. */
function deliver(socket: TLSSocket, data: Buffer): boolean {
  // Nobody listens yet, or not for now: the stream keeps it, in its order.
  if (socket.readableFlowing !== true || socket.readableLength > 0) return socket.push(data);
  socket.emit('data', data);
  return true;
}

function copyOf(buffer: Buffer, length: number): Buffer {
  const copy = length <= SMALL ? small(length) : Buffer.allocUnsafeSlow(length);
  buffer.copy(copy, 0, 0, length);
  return copy;
}

let shared = Buffer.allocUnsafeSlow(RECORD);
let sharedUsed = 0;

function small(length: number): Buffer {
  if (sharedUsed + length > RECORD) {
    shared = Buffer.allocUnsafeSlow(RECORD);
    sharedUsed = 0;
  }
  const from = sharedUsed;
  sharedUsed += length;
  return shared.subarray(from, sharedUsed);
}
