import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { ERROR_CODE, FLAG, FRAME, SETTING } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import * as write from './frame-writer.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const REQUESTS = 40;

/** Fields that come again, that change, and that no Huffman code shortens. */
const fieldsOf = (request: number): Record<string, string> => ({
  'x-same': 'same value each time',
  'x-changing': `value ${request} ${'~'.repeat(request + 1)}`,
  'x-long': 'long '.repeat(request * 20).trim(),
  [`x-name-${request % 5}`]: '\\|{}<>^`',
});

test('a peer of the runtime understands our blocks, and we understand its', async () => {
  const received: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    received.push(request.headers);
    response.writeHead(request.headers['x-status'] === '404' ? 404 : 200, fieldsOf(received.length - 1));
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536);
  const answers = new Map<number, Map<string, string>>();
  const blocks = new Map<number, Buffer[]>();
  const done = Promise.withResolvers<void>();

  const send = (request: number) => {
    // In the middle the table changes its size: a block must then begin with saying so.
    if (request === 15) encoder.setMaxTableSize(100);
    if (request === 25) encoder.setMaxTableSize(4096);
    const block = encoder.encode([
      ...[':method', 'GET', ':scheme', 'http', ':authority', 'localhost', ':path', `/${request}`],
      ...['x-status', request % 3 === 0 ? '404' : '200', 'authorization', 'Bearer secret'],
      ...Object.entries(fieldsOf(request)).flat(),
    ]);
    socket.write(write.headers(2 * request + 1, block, true, 1000));
  };
  const onBlock = (streamId: number) => {
    const answer = new Map<string, string>();
    answers.set(streamId, answer);
    assert.equal(
      decoder.decode(Buffer.concat(blocks.get(streamId)!), (name, value) => answer.set(name, value)),
      null,
    );
    if (answers.size < REQUESTS) send(answers.size);
    else done.resolve();
  };
  const reader = new FrameReader(
    {
      onFrame(type, flags, streamId, payload) {
        if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(write.settingsAck());
        if (type === FRAME.GOAWAY || type === FRAME.RST_STREAM) done.reject(new Error(`refused: ${type}`));
        if (type !== FRAME.HEADERS && type !== FRAME.CONTINUATION) return;
        blocks.set(streamId, [...(blocks.get(streamId) ?? []), payload]);
        if ((flags & FLAG.END_HEADERS) !== 0) onBlock(streamId);
      },
      onFrameTooLarge: () => done.reject(new Error('a frame above the limit')),
    },
    16_384,
  );
  socket.on('data', (data: Buffer) => reader.push(data));
  socket.on('error', done.reject);
  socket.write(PREFACE);
  socket.write(write.settings([[SETTING.ENABLE_PUSH, 0]]));
  send(0);
  try {
    await done.promise;
    for (let request = 0; request < REQUESTS; request++) {
      const fields = fieldsOf(request);
      assert.equal(received[request]![':path'], `/${request}`);
      assert.equal(received[request]!.authorization, 'Bearer secret');
      const answer = answers.get(2 * request + 1)!;
      assert.equal(answer.get(':status'), request % 3 === 0 ? '404' : '200');
      for (const [name, value] of Object.entries(fields)) {
        assert.equal(received[request]![name], value);
        assert.equal(answer.get(name), value);
      }
    }
    socket.write(write.goaway(0, ERROR_CODE.NO_ERROR));
  } finally {
    socket.destroy();
    server.close();
  }
});
