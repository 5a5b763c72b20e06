import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { IssuedCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeClient, makeServer } from '../doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../doubles/edge.ts';
import { get } from '../doubles/wire.ts';
import { missing, SERVERS, type ServerName } from './server-process.ts';
import { MODES, type RealServer, startServer, strangerCall, VERSIONS } from './servers.ts';

let edge: TestEdge;
let pairs: { hostname: IssuedCertificate; zone: IssuedCertificate; global: IssuedCertificate };
let stranger: IssuedCertificate;
const servers = new Map<ServerName, RealServer>();
const withoutOpenssl = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';

before(async () => {
  const [teamCa, sharedCa, strangerCa] = [
    await makeCa('Team CA'),
    await makeCa('Shared CA'),
    await makeCa('Stranger CA'),
  ];
  pairs = {
    hostname: await makeClient(teamCa, 'of hostname'),
    zone: await makeClient(teamCa, 'of zone'),
    global: await makeClient(sharedCa, 'of all'),
  };
  stranger = await makeClient(strangerCa, 'of nobody');
  edge = await startEdge({ hosts: { www: { port: 1 } } }, { drain: 500 });
  const certificate = await makeServer(edge.root, 'www.a.test');
  const files = { ...certificate, clientCas: teamCa.certificate + sharedCa.certificate };
  for (const name of SERVERS) if (!missing(name)) servers.set(name, await startServer(name, files));
});
after(async () => {
  await edge?.edge.drain();
  for (const server of servers.values()) await server.stop();
});

type Level = 'hostname' | 'zone' | 'global' | 'none';

/** A policy under which www's origin pulls present the certificate of a level, with every less specific one on too. */
function policy(level: Level, port: number): Policy {
  return {
    ssl: 'strict',
    global: level !== 'none',
    zone: level === 'hostname' || level === 'zone',
    identities: {
      h: { level: 'hostname', pair: pairs.hostname },
      z: { level: 'zone', pair: pairs.zone },
      g: { level: 'global', pair: pairs.global },
    },
    hosts: { www: { port, ...(level === 'hostname' ? { association: 'h' } : {}) } },
  };
}

const SUBJECT: Readonly<Record<Level, string | null>> = {
  hostname: 'of hostname',
  zone: 'of zone',
  global: 'of all',
  none: null,
};

/** What a visitor sees of an origin that refuses (spec/origin-pulls.md 3.2). */
function refusal(server: ServerName, version: string): number {
  if (server === 'nginx') return 400;
  return version === 'TLSv1.2' ? 525 : 520;
}

for (const server of SERVERS) {
  for (const mode of MODES) {
    for (const version of VERSIONS) {
      for (const level of ['hostname', 'zone', 'global', 'none'] as const) {
        test(`${server}, ${mode}, ${version}: level ${level}`, { skip: missing(server) }, async () => {
          await edge.apply(policy(level, servers.get(server)!.port(mode, version)));
          const answered = await get(edge, 'www', '/index.html');
          const expected = mode === 'enforce' && level === 'none' ? refusal(server, version) : 200;
          assert.match(answered, new RegExp(`^HTTP/1.1 ${expected} `));
          const seen = /\r\nX-Client: (?:.*CN *= *)?([^\r\n]*)\r\n/i.exec(answered)?.[1] ?? '';
          if (expected === 200 && SUBJECT[level] !== null) assert.equal(seen, SUBJECT[level]);
          if (level === 'none') assert.ok(!/of (?:hostname|zone|all)/.test(seen));
          const { OriginSSLProtocol, OriginClientCertLevel } = edge.log().at(-1)!;
          assert.equal(OriginClientCertLevel, level);
          if (expected === 200) assert.equal(OriginSSLProtocol, version);
        });
      }
      test(`${server}, ${mode}, ${version}: strangers`, { skip: missing(server) || withoutOpenssl }, () => {
        const port = servers.get(server)!.port(mode, version);
        const isAnswered = (text: string) => /^HTTP\/1\.1 200 /.test(text);
        assert.equal(isAnswered(strangerCall(port, 'www.a.test')), mode === 'accept', 'without a certificate');
        if (mode === 'enforce')
          assert.equal(isAnswered(strangerCall(port, 'www.a.test', stranger)), false, "with a stranger's");
        assert.equal(isAnswered(strangerCall(port, 'www.a.test', pairs.hostname)), true, 'with the right one');
      });
    }
  }
}
