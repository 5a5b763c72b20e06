import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Certificate, parseCertificate } from '../dist/certificate.js';
import { findPath, type PathRules } from '../dist/path.js';
import { parseRevocationList } from '../dist/revocation.js';
import { type Identity, issue, revoke, x509 } from './pki.ts';

const DAY = 86_400_000;
const read = (identity: Identity): Certificate => parseCertificate(new Uint8Array(identity.x509.rawData));
const readList = (pem: string) => parseRevocationList(new Uint8Array(x509.PemConverter.decodeFirst(pem)));
const RSA = { name: 'RSASSA-PKCS1-v1_5', publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' } as const;

interface Case {
  readonly leaf: Identity;
  readonly presented?: readonly Identity[];
  readonly anchors: readonly Identity[];
  readonly rules?: Partial<PathRules>;
  readonly now?: number;
}

/** `null`: a path was found. */
function outcome({ leaf, presented = [], anchors, rules = {}, now = Date.now() }: Case): string | null {
  const found = findPath(
    read(leaf),
    presented.map(read),
    { anchors: anchors.map(read), intermediates: [], lists: null, requireClientAuth: false, ...rules },
    now,
  );
  return typeof found === 'string' ? found : null;
}

const root = await issue('root', { ca: true });
const sub = await issue('sub', { ca: true, issuer: root });
const leaf = await issue('leaf', { issuer: sub });

const nameConstraints = new x509.Extension('2.5.29.30', false, new Uint8Array([0x30, 0x00]));
const unknownCritical = new x509.Extension('1.2.3.4', true, new Uint8Array([0x05, 0x00]));

const CASES: Readonly<Record<string, () => Promise<readonly [Case, string | null]>>> = {
  'a leaf below the anchor': async () => [{ leaf: await issue('l', { issuer: root }), anchors: [root] }, null],
  'an intermediate that was presented': async () => [{ leaf, presented: [sub], anchors: [root] }, null],
  'an intermediate that nobody shows': async () => [{ leaf, anchors: [root] }, 'certificate_untrusted'],
  'an intermediate from the configuration': async () => [
    { leaf, anchors: [root], rules: { intermediates: [read(sub)] } },
    null,
  ],
  'an intermediate as the anchor': async () => [{ leaf, anchors: [sub] }, null],
  'an intermediate that is trusted by nobody': async () => [
    { leaf, presented: [sub, root], anchors: [await issue('root', { ca: true })] },
    'certificate_untrusted',
  ],
  'two anchors of one name, the second one right': async () => [
    { leaf: await issue('l', { issuer: root }), anchors: [await issue('root', { ca: true }), root] },
    null,
  ],
  'an anchor that has expired beside its renewal with the same key': async () => {
    const old = await issue('root', { ca: true, keys: root.keys, from: -30, until: -1 });
    return [{ leaf: await issue('l', { issuer: root }), anchors: [old, root] }, null];
  },
  'an anchor that has expired': async () => {
    const old = await issue('old', { ca: true, from: -30, until: -1 });
    return [{ leaf: await issue('l', { issuer: old }), anchors: [old] }, 'certificate_expired'];
  },
  'an intermediate that has expired': async () => {
    const old = await issue('old', { ca: true, issuer: root, from: -30, until: -1 });
    return [{ leaf: await issue('l', { issuer: old }), presented: [old], anchors: [root] }, 'certificate_expired'];
  },
  'an issuer that is no CA': async () => {
    const notCa = await issue('not a CA', { issuer: root, keyUsage: null });
    return [
      { leaf: await issue('l', { issuer: notCa }), presented: [notCa], anchors: [root] },
      'certificate_untrusted',
    ];
  },
  'an issuer whose key usage lacks keyCertSign': async () => {
    const weak = await issue('ca', { ca: true, issuer: root, keyUsage: x509.KeyUsageFlags.digitalSignature });
    return [{ leaf: await issue('l', { issuer: weak }), presented: [weak], anchors: [root] }, 'certificate_untrusted'];
  },
  'a path longer than the anchor allows': async () => {
    const short = await issue('short', { ca: true, pathLength: 0 });
    const below = await issue('below', { ca: true, issuer: short });
    return [
      { leaf: await issue('l', { issuer: below }), presented: [below], anchors: [short] },
      'certificate_untrusted',
    ];
  },
  'a path as long as the anchor allows': async () => {
    const short = await issue('short', { ca: true, pathLength: 0 });
    return [{ leaf: await issue('l', { issuer: short }), anchors: [short] }, null];
  },
  'an intermediate that is for servers only': async () => {
    const ca = await issue('ca', { ca: true, issuer: root, extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] });
    return [{ leaf: await issue('l', { issuer: ca }), presented: [ca], anchors: [root] }, 'certificate_usage'];
  },
  'an intermediate with name constraints': async () => {
    const ca = await issue('ca', { ca: true, issuer: root, extensions: [nameConstraints] });
    return [{ leaf: await issue('l', { issuer: ca }), presented: [ca], anchors: [root] }, 'certificate_unsupported'];
  },
  'a critical extension that is unknown': async () => [
    { leaf: await issue('l', { issuer: root, extensions: [unknownCritical] }), anchors: [root] },
    'certificate_unsupported',
  ],
  'a leaf that may not sign': async () => [
    { leaf: await issue('l', { issuer: root, keyUsage: x509.KeyUsageFlags.keyEncipherment }), anchors: [root] },
    'certificate_usage',
  ],
  'a leaf without usages': async () => [
    { leaf: await issue('l', { issuer: root, keyUsage: null, extendedKeyUsage: null }), anchors: [root] },
    null,
  ],
  'a leaf without usages where clientAuth is asked for': async () => [
    {
      leaf: await issue('l', { issuer: root, extendedKeyUsage: null }),
      anchors: [root],
      rules: { requireClientAuth: true },
    },
    'certificate_usage',
  ],
  'a leaf for any usage': async () => [
    { leaf: await issue('l', { issuer: root, extendedKeyUsage: ['2.5.29.37.0'] }), anchors: [root] },
    null,
  ],
  'an RSA key of 2048 bits': async () => [
    { leaf: await issue('l', { issuer: root, algorithm: { ...RSA, modulusLength: 2048 } }), anchors: [root] },
    null,
  ],
  'an RSA key of 1024 bits': async () => [
    { leaf: await issue('l', { issuer: root, algorithm: { ...RSA, modulusLength: 1024 } }), anchors: [root] },
    'certificate_weak',
  ],
  'a signature over SHA-1': async () => [
    { leaf: await issue('l', { issuer: root, hash: 'SHA-1' }), anchors: [root] },
    'certificate_weak',
  ],
  'a leaf that is its own anchor': async () => {
    const own = await issue('own');
    return [{ leaf: own, anchors: [own] }, null];
  },
  'a leaf that is its own anchor, expired': async () => {
    const own = await issue('own', { from: -9, until: -1 });
    return [{ leaf: own, anchors: [own] }, 'certificate_expired'];
  },
  'an issuer that is a leaf and an anchor': async () => {
    const own = await issue('own');
    return [{ leaf: await issue('l', { issuer: own }), anchors: [own] }, 'certificate_untrusted'];
  },
  'a CA as the client': async () => [{ leaf: root, anchors: [root] }, 'certificate_usage'],
  'two intermediates that sign each other': async () => {
    const a = await issue('a', { ca: true });
    const b = await issue('b', { ca: true, issuer: a });
    const again = await issue('a', { ca: true, keys: a.keys, issuer: b });
    return [{ leaf: await issue('l', { issuer: b }), presented: [b, again], anchors: [root] }, 'certificate_untrusted'];
  },
  'lists for every certificate of the path': async () => [
    {
      leaf,
      presented: [sub],
      anchors: [root],
      rules: { lists: [readList(await revoke(root, [])), readList(await revoke(sub, []))] },
    },
    null,
  ],
  'no list for the intermediate': async () => [
    { leaf, presented: [sub], anchors: [root], rules: { lists: [readList(await revoke(sub, []))] } },
    'revocation_unknown',
  ],
  'an intermediate that was revoked': async () => [
    {
      leaf,
      presented: [sub],
      anchors: [root],
      rules: { lists: [readList(await revoke(root, [sub])), readList(await revoke(sub, []))] },
    },
    'certificate_revoked',
  ],
  'a list that somebody else signed': async () => [
    {
      leaf: await issue('l', { issuer: root }),
      anchors: [root],
      rules: { lists: [readList(await revoke(root, [], { signer: await issue('root', { ca: true }) }))] },
    },
    'revocation_unknown',
  ],
  'a list of a CA that may not sign lists': async () => {
    const ca = await issue('ca', { ca: true, keyUsage: x509.KeyUsageFlags.keyCertSign });
    const lists = [readList(await revoke(ca, []))];
    return [{ leaf: await issue('l', { issuer: ca }), anchors: [ca], rules: { lists } }, 'revocation_unknown'];
  },
  'a list that is past its time': async () => [
    {
      leaf: await issue('l', { issuer: root }),
      anchors: [root],
      rules: { lists: [readList(await revoke(root, []))] },
      now: Date.now() + 8 * DAY,
    },
    'revocation_outdated',
  ],
  'a list from the future': async () => [
    {
      leaf: await issue('l', { issuer: root }),
      anchors: [root],
      rules: { lists: [readList(await revoke(root, [], { from: 1 }))] },
    },
    'revocation_outdated',
  ],
  'an old list that revokes beside a new one that does not': async () => {
    const gone = await issue('l', { issuer: root });
    const lists = [readList(await revoke(root, [gone], { from: -9, until: -2 })), readList(await revoke(root, []))];
    return [{ leaf: gone, anchors: [root], rules: { lists } }, 'certificate_revoked'];
  },
};

for (const [name, make] of Object.entries(CASES)) {
  test(name, async () => {
    const [input, expected] = await make();
    assert.equal(outcome(input), expected);
  });
}

test('a partial, delta or indirect list is not taken', async () => {
  const distributionPoint = new x509.Extension('2.5.29.28', true, new Uint8Array([0x30, 0x03, 0x84, 0x01, 0xff]));
  const pem = await revoke(root, [], { extensions: [distributionPoint] });
  assert.throws(() => readList(pem), /delta, indirect or partial/);
});

test('a path holds until the first of its certificates and lists ends', async () => {
  const short = await issue('l', { issuer: root, until: 3 });
  const rules = { anchors: [read(root)], intermediates: [], requireClientAuth: false };
  const plain = findPath(read(short), [], { ...rules, lists: null }, Date.now());
  const listed = findPath(
    read(short),
    [],
    { ...rules, lists: [readList(await revoke(root, [], { until: 1 }))] },
    Date.now(),
  );
  assert.ok(typeof plain !== 'string' && typeof listed !== 'string');
  assert.ok(Math.abs(plain.until - Date.now() - 3 * DAY) < 60_000);
  assert.ok(Math.abs(listed.until - Date.now() - DAY) < 60_000);
});

test('strangers cannot make a path cost more than a bounded number of signatures', async () => {
  const cas = await Promise.all(Array.from({ length: 9 }, () => issue('same', { ca: true })));
  const poor = await issue('l', { issuer: cas[0]! });
  const crossed = await Promise.all(
    cas.flatMap((from) => cas.slice(0, 2).map((to) => issue('same', { ca: true, issuer: from, keys: to.keys }))),
  );
  const start = process.hrtime.bigint();
  assert.equal(outcome({ leaf: poor, presented: [...cas, ...crossed], anchors: [root] }), 'certificate_untrusted');
  assert.ok(process.hrtime.bigint() - start < 1_000_000_000n);
});
