import type { GuardOptions } from '../dist/mod.js';
import { type Identity, issue, issueServer, revoke } from './pki.ts';

/** Certificates of everybody who may come to an origin, and the options of a guard that lets in the right one. */
export interface Visitors {
  readonly server: Identity;
  readonly options: GuardOptions;
  /** Who, with what, and the code they must get; null for who is let in. */
  readonly cases: readonly (readonly [who: string, as: Identity | undefined, code: string | null])[];
}

/** Issues everything anew. The origin is a.test. */
export async function makeVisitors(): Promise<Visitors> {
  const ca = await issue('edge CA', { ca: true });
  const otherCa = await issue('CA of b', { ca: true });
  const revoked = await issue('edge', { issuer: ca });
  const pin = { subjects: ['CN=edge'] };
  return {
    server: await issueServer('a.test', 'b.test'),
    options: {
      mode: 'enforce',
      hosts: {
        'a.test': { level: 'zone', trust: ca.cert, crl: await revoke(ca, [revoked]), pin },
        'b.test': { level: 'hostname', trust: otherCa.cert },
      },
    },
    cases: [
      ['the right one', await issue('edge', { issuer: ca }), null],
      ['none', undefined, 'no_certificate'],
      ["a stranger's", await issue('edge', { issuer: await issue('edge CA', { ca: true }) }), 'certificate_untrusted'],
      ["another host's", await issue('edge', { issuer: otherCa }), 'certificate_untrusted'],
      ['an expired one', await issue('edge', { issuer: ca, from: -9, until: -1 }), 'certificate_expired'],
      ['a revoked one', revoked, 'certificate_revoked'],
      ['one pinned away', await issue('somebody else', { issuer: ca }), 'certificate_not_pinned'],
    ],
  };
}
