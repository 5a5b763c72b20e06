import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { createTrustingContext } from './trust.ts';

test('a context trusts its own roots, and no other context does', async () => {
  const [one, other] = [await makeCa('one'), await makeCa('other')];
  const { certificate, privateKey } = await makeServer(one, 'a.test');
  const server = tls.createServer({ cert: certificate, key: privateKey }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const isTrustedBy = async (roots: string): Promise<boolean> => {
    const secureContext = createTrustingContext({}, roots);
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'a.test', secureContext });
    try {
      await once(socket, 'secureConnect');
      return socket.authorized;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  };
  assert.equal(await isTrustedBy(one.certificate), true);
  assert.equal(await isTrustedBy(other.certificate), false);
  assert.equal(await isTrustedBy(`${other.certificate}${one.certificate}`), true);
  assert.equal(await isTrustedBy(''), false);
  server.close();
});
