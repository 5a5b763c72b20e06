import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import type { Content, Stage } from '../../src/origin/mod.ts';
import { type IssuedCertificate, issueClientCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeClient, makeServer } from '../doubles/certificates.ts';
import {
  CONFIGURED,
  type ConfiguredName,
  type ConfiguredServer,
  notInstalled,
  SERVING_FILES,
  startConfigured,
} from './configured-server.ts';

const HOST = 'www.a.test';
const PUBLIC = 'public.a.test';
const TEAM = 'team.b.test';
const MARK = 'the content of the origin';
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const ADDRESSES = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
const withoutOpenssl = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';

const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
type Client = 'right' | 'colleague' | 'selfSigned' | 'otherCa' | 'expired' | 'neighbour';
const pairs = {} as Record<Client, string>;
type ClientFiles = Pick<IssuedCertificate, 'certificate' | 'privateKey'>;
let clients: Record<Client, ClientFiles>;
let files: { trust: string; certificate: string; privateKey: string };
let neighbourCa: IssuedCertificate;
let backend: http.Server;

before(async () => {
  const [ca, serverCa, otherCa] = [await makeCa('Team CA'), await makeCa('Server CA'), await makeCa('Team CA')];
  neighbourCa = await makeCa('Neighbour CA');
  clients = {
    right: await makeClient(ca, 'the edge'),
    colleague: await makeClient(ca, 'not the edge'),
    otherCa: await makeClient(otherCa, 'the edge'),
    neighbour: await makeClient(neighbourCa, 'the edge'),
    selfSigned: selfSigned('the edge'),
    expired: await issueClientCertificate(ca, 'the edge', {
      now: Date.now() - 20 * 365 * 86_400_000,
      randomBytes,
      installationId: '00000000000000000000000000000000',
    }),
  };
  for (const [name, { certificate, privateKey }] of Object.entries(clients)) {
    pairs[name as Client] = join(directory, `${name}.pem`);
    writeFileSync(pairs[name as Client], certificate + privateKey);
  }
  const server = await makeServer(serverCa, HOST, PUBLIC, TEAM);
  files = {
    trust: ca.certificate,
    certificate: server.certificate + serverCa.certificate,
    privateKey: server.privateKey,
  };
  backend = http.createServer(({ headers }, response) => response.end(JSON.stringify({ mark: MARK, headers })));
  await once(backend.listen(0, '127.0.0.1'), 'listening');
});
after(() => {
  backend?.close();
  rmSync(directory, { recursive: true });
});

/** A leaf that vouches for itself. */
function selfSigned(name: string): ClientFiles {
  const { stdout, stderr } = spawnSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout - -addext basicConstraints=critical,CA:FALSE'
      .split(' ')
      .concat('-subj', `/CN=${name}`),
    { encoding: 'utf8' },
  );
  const end = stdout.indexOf('-----BEGIN CERTIFICATE-----');
  assert.ok(end > 0, stderr);
  return { certificate: stdout.slice(end), privateKey: stdout.slice(0, end) };
}

interface Ask {
  readonly address?: { readonly host: string; readonly port: number };
  readonly client?: Client | undefined;
  /** Null for none. */
  readonly sni?: string | null;
  readonly host?: string;
  readonly version?: '1.2' | '1.3' | undefined;
  readonly options?: readonly string[];
  readonly fields?: string;
  readonly path?: string;
}

/** What OpenSSL's client gets for one request, to the end of the connection. */
async function ask(server: ConfiguredServer, how: Ask = {}): Promise<string> {
  const { host, port } = how.address ?? server.addresses[0]!;
  const sni = how.sni === undefined ? HOST : how.sni;
  const child = spawn('openssl', [
    's_client',
    '-quiet',
    '-connect',
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    ...(sni === null ? ['-noservername'] : ['-servername', sni]),
    ...(how.client === undefined ? [] : ['-cert', pairs[how.client], '-key', pairs[how.client]]),
    ...(how.version === undefined ? [] : [how.version === '1.2' ? '-tls1_2' : '-tls1_3']),
    ...(how.options ?? []),
  ]);
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  child.stderr.resume();
  child.stdin.on('error', () => undefined);
  child.stdin.write(
    `GET ${how.path ?? '/'} HTTP/1.1\r\nHost: ${how.host ?? HOST}\r\n${how.fields ?? ''}Connection: close\r\n\r\n`,
  );
  await once(child, 'close');
  return text;
}

/** Servers whose generated configuration holds all their names. */
const ALONE: ReadonlySet<ConfiguredName> = new Set(['haproxy', 'lighttpd', 'traefik', 'envoy']);

/** Servers that cannot be told to keep no sessions: one of an accepted client goes on being accepted. */
const RESUMES: ReadonlySet<ConfiguredName> = new Set(['caddy']);

/** What each server tells the application: of the right certificate, of one that it does not trust, of none. */
const TELLS: Readonly<
  Record<(typeof CONFIGURED)[number], { field: string; right: RegExp; otherCa: RegExp; none: RegExp }>
> = {
  nginx: { field: 'x-client-verify', right: /^SUCCESS$/, otherCa: /^FAILED:/, none: /^NONE$/ },
  apache: { field: 'x-client-verify', right: /^SUCCESS$/, otherCa: /^(?:GENEROUS|FAILED:)/, none: /^NONE$/ },
  haproxy: { field: 'x-client-verify', right: /^SUCCESS$/, otherCa: /^FAILED:\d+$/, none: /^NONE$/ },
  caddy: {
    field: 'x-client-fingerprint',
    right: /^[0-9a-f]{64}$/,
    otherCa: /^[0-9a-f]{64}$/,
    none: /^\{http\.request\.tls\.client\.fingerprint\}$/,
  },
  // It has only its log to tell it.
  lighttpd: { field: 'x-client-verify', right: /^$/, otherCa: /^$/, none: /^$/ },
  traefik: { field: 'x-forwarded-tls-client-cert-info', right: /the%20edge|the\+edge/, otherCa: /edge/, none: /^$/ },
  envoy: { field: 'x-forwarded-client-cert', right: /Subject="CN=the edge"/, otherCa: /CN=the edge/, none: /^$/ },
};

/** The value that the application got for a field; empty for none. */
function told(answer: string, field: string): string {
  const { headers } = JSON.parse(/\{.*\}/.exec(answer)![0]) as { headers: Record<string, string> };
  return headers[field] ?? '';
}

const isLetIn = (answer: string) => answer.includes(MARK);

/** What a plain connection gets for a request. */
async function plain(port: number, host: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  socket.on('error', () => undefined);
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** The body that HTTP/2 gets; null where it is refused or not spoken. */
async function overHttp2(
  { host, port }: { readonly host: string; readonly port: number },
  client?: Client,
): Promise<string | null> {
  const session = http2.connect(`https://${host}:${port}`, {
    servername: HOST,
    rejectUnauthorized: false,
    ...(client === undefined ? {} : { cert: clients[client].certificate, key: clients[client].privateKey }),
  });
  try {
    return await new Promise((resolve) => {
      let body = '';
      session.on('error', () => resolve(null));
      session.on('close', () => resolve(null));
      const stream = session.request({ ':path': '/', ':authority': HOST });
      stream.on('error', () => resolve(null));
      stream.on('data', (data) => {
        body += data;
      });
      stream.on('end', () => resolve(body));
    });
  } finally {
    session.destroy();
  }
}

const backendContent = (): Content => ({
  kind: 'backend',
  host: '127.0.0.1',
  port: (backend.address() as AddressInfo).port,
});

async function start(
  name: ConfiguredName,
  stage: Stage,
  { withNeighbours = false, addresses = ADDRESSES, content = backendContent(), edit = (text: string) => text } = {},
): Promise<ConfiguredServer> {
  const server = await startConfigured(
    name,
    {
      hostnames: [HOST],
      level: 'zone',
      stage,
      content,
      addresses,
    },
    files,
    withNeighbours
      ? [
          { hostname: PUBLIC, trust: null },
          { hostname: TEAM, trust: neighbourCa.certificate },
        ]
      : [],
    edit,
  );
  // Traefik listens before it has read its routes.
  for (let tries = 0; name === 'traefik' && tries < 200; tries++)
    if (isLetIn(await ask(server, { client: 'right' }))) break;
  return server;
}

for (const name of CONFIGURED) {
  const skip = notInstalled(name) || withoutOpenssl;
  for (const stage of ['observe', 'enforce'] as const) {
    describe(`${name}, ${stage}`, { skip }, () => {
      let server: ConfiguredServer;
      before(async () => {
        if (!skip) server = await start(name, stage);
      });
      after(async () => await server?.stop());

      for (const version of ['1.2', '1.3'] as const) {
        test(`TLS ${version}: the right certificate is let in on every address`, async () => {
          for (const address of server.addresses)
            assert.ok(isLetIn(await ask(server, { address, version, client: 'right' })), address.host);
        });
        for (const client of [undefined, 'selfSigned', 'otherCa', 'expired'] as const) {
          test(`TLS ${version}: ${client ?? 'no certificate'} is ${stage === 'enforce' ? 'refused' : 'let in'}`, async () => {
            const isOpen = stage === 'observe' && !(name === 'apache' && client === 'expired');
            for (const address of server.addresses)
              assert.equal(isLetIn(await ask(server, { address, version, client })), isOpen, address.host);
          });
        }
        test(`TLS ${version}: other names, no name and an address are refused, whatever is shown`, async () => {
          for (const client of [undefined, 'otherCa'] as const) {
            for (const sni of ['other.test', null, 'wwwxa.test'] as const) {
              // lighttpd does not compare the two. What it demands, it demands for all names of the socket.
              if (name !== 'lighttpd' || stage === 'enforce')
                assert.ok(!isLetIn(await ask(server, { version, sni, client })), `${sni}`);
              assert.ok(
                !isLetIn(await ask(server, { version, sni, client, host: 'other.test' })),
                `${sni}, its own host`,
              );
            }
            assert.ok(!isLetIn(await ask(server, { version, client, host: 'other.test' })), 'another Host');
          }
          assert.ok(!isLetIn(await ask(server, { version, client: 'right', host: 'other.test' })), 'another Host');
        });
      }
      test('no session stands in for the certificate', { skip: stage === 'observe' || RESUMES.has(name) }, async () => {
        for (const version of ['1.2', '1.3'] as const) {
          const session = join(directory, `${name}-${version}`);
          assert.ok(isLetIn(await ask(server, { version, client: 'right', options: ['-sess_out', session] })));
          if (existsSync(session))
            assert.ok(!isLetIn(await ask(server, { version, options: ['-sess_in', session] })), version);
        }
      });
      test('the application is told, and by nobody else', async () => {
        const { field, ...expected } = TELLS[name];
        const fields = `${field}: SUCCESS the edge\r\n`;
        assert.match(told(await ask(server, { client: 'right', fields }), field), expected.right);
        if (stage === 'enforce') return;
        assert.match(told(await ask(server, { client: 'otherCa', fields }), field), expected.otherCa);
        assert.match(told(await ask(server, { fields }), field), expected.none);
      });
      test('HTTP/2 is spoken, and decides alike', async () => {
        for (const address of server.addresses.slice(0, 1)) {
          assert.ok((await overHttp2(address, 'right'))?.includes(MARK));
          assert.equal((await overHttp2(address))?.includes(MARK) ?? false, stage === 'observe');
        }
      });
      test('plain HTTP is refused', async () => {
        for (const host of [HOST, 'other.test']) {
          assert.ok(!isLetIn(await plain(server.httpPort, host)));
          assert.ok(!isLetIn(await plain(server.addresses[0]!.port, host)));
        }
      });
    });
  }
  test(`${name} listens on all addresses, IPv4 and IPv6`, {
    skip: skip || (!hasIpv6 && 'there is no IPv6'),
  }, async () => {
    const server = await start(name, 'enforce', { addresses: ['0.0.0.0', '::'] });
    try {
      const { port } = server.addresses[0]!;
      for (const host of ['127.0.0.1', '::1']) {
        assert.ok(isLetIn(await ask(server, { address: { host, port }, client: 'right' })), host);
        assert.ok(!isLetIn(await ask(server, { address: { host, port } })), host);
      }
    } finally {
      await server.stop();
    }
  });

  describe(`${name}, beside other names`, { skip: skip || (ALONE.has(name) && 'it has no other names here') }, () => {
    let server: ConfiguredServer;
    before(async () => {
      if (!skip && !ALONE.has(name)) server = await start(name, 'enforce', { withNeighbours: true });
    });
    after(async () => await server?.stop());

    for (const version of ['1.2', '1.3'] as const) {
      for (const [sni, client] of [
        [PUBLIC, undefined],
        [TEAM, 'neighbour'],
      ] as const) {
        test(`TLS ${version}: a session of ${sni} opens nothing`, async () => {
          const session = join(directory, `${name}-${version}-${sni}`);
          const first = await ask(server, { version, sni, client, host: sni, options: ['-sess_out', session] });
          assert.match(first, /neighbour/, 'the neighbour answers');
          if (!existsSync(session)) return;
          const options = ['-sess_in', session];
          assert.ok(!isLetIn(await ask(server, { version, options })), 'without a certificate');
          if (client !== undefined)
            assert.ok(!isLetIn(await ask(server, { version, options, client })), 'with its own certificate');
        });
      }
    }
  });
}

/** How the commented lines of a text become a pin of the right client. */
const PINS: Partial<Record<ConfiguredName, (text: string, fingerprint: string) => string>> = {
  nginx: (text) => text.replace(/# (if \(\$ssl_client_s_dn)/, '$1'),
  apache: (text) => text.replace(/# (<Location "\/">)\n *# ( *Require expr .*)\n *# (<\/Location>)/, '$1\n$2\n$3'),
  haproxy: (text, fingerprint) => text.replace(/# (http-request deny unless \{ ssl_c_der.*)0{64}/, `$1${fingerprint}`),
  caddy: (text, fingerprint) => text.replace(/# (@other .*)0{64}\n *# (abort @other)/, `$1${fingerprint}\n$2`),
};

for (const [name, pin] of Object.entries(PINS) as [ConfiguredName, NonNullable<(typeof PINS)[ConfiguredName]>][]) {
  test(`${name}: the pin lets in one certificate of the CA only`, {
    skip: notInstalled(name) || withoutOpenssl,
  }, async () => {
    const { fingerprint256 } = new X509Certificate(clients.right.certificate);
    const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
    const server = await start(name, 'enforce', {
      edit: (text) => {
        const pinned = pin(text, fingerprint);
        assert.notEqual(pinned, text);
        return pinned;
      },
    });
    try {
      assert.ok(isLetIn(await ask(server, { client: 'right' })));
      assert.ok(!isLetIn(await ask(server, { client: 'colleague' })));
    } finally {
      await server.stop();
    }
  });
}

for (const name of SERVING_FILES) {
  const skip = notInstalled(name) || withoutOpenssl;
  test(`${name} serves files to the right certificate only`, { skip }, async () => {
    const root = mkdtempSync(join(directory, 'www-'));
    chmodSync(directory, 0o755);
    chmodSync(root, 0o755);
    writeFileSync(join(root, 'page.html'), MARK);
    const server = await start(name, 'enforce', { content: { kind: 'files', root } });
    const path = '/page.html';
    try {
      for (const address of server.addresses) {
        for (const version of ['1.2', '1.3'] as const) {
          assert.ok(
            isLetIn(await ask(server, { path, address, version, client: 'right' })),
            `${address.host} ${version}`,
          );
          for (const client of [undefined, 'selfSigned', 'otherCa', 'expired'] as const) {
            assert.ok(!isLetIn(await ask(server, { path, address, version, client })), `${client}`);
            for (const sni of ['other.test', null])
              assert.ok(!isLetIn(await ask(server, { path, address, version, client, sni })), `${client}, ${sni}`);
          }
        }
      }
      assert.ok(!isLetIn(await ask(server, { path, client: 'right', host: 'other.test' })), 'another Host');
    } finally {
      await server.stop();
    }
  });
}

test('a session that opens another name would be found', {
  skip: 'Bun' in globalThis && 'Bun lets none in',
}, async () => {
  const own = { key: files.privateKey, cert: files.certificate };
  const context = (ca: string) => tls.createSecureContext({ ...own, ca });
  const [here, there] = [context(files.trust), context(neighbourCa.certificate)];
  const open = tls.createServer(
    {
      ...own,
      ca: neighbourCa.certificate,
      requestCert: true,
      rejectUnauthorized: false,
      SNICallback: (name, done) => done(null, name === HOST ? here : there),
    },
    (socket) => {
      socket.on('error', () => undefined);
      socket.end(socket.authorized ? MARK : 'refused');
    },
  );
  await once(open.listen(0, '127.0.0.1'), 'listening');
  const address = { host: '127.0.0.1', port: (open.address() as AddressInfo).port };
  const server: ConfiguredServer = { addresses: [address], httpPort: 0, stop: async () => undefined };
  try {
    for (const version of ['1.2', '1.3'] as const) {
      const session = join(directory, `open-${version}`);
      await ask(server, { version, sni: TEAM, client: 'neighbour', options: ['-sess_out', session] });
      assert.ok(isLetIn(await ask(server, { version, options: ['-sess_in', session] })), version);
    }
  } finally {
    open.close();
  }
});
