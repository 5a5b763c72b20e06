import type { Enforcement } from '../core/mod.ts';
import { isLetIn, refusesInSoManyWords } from './doctor/judge.ts';
import { probe } from './doctor/probe.ts';
import type { DoctorTools } from './doctor/subject.ts';

/** Where somebody without a certificate goes. */
export interface UncertifiedTarget {
  readonly hostname: string;
  readonly serverName: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Asks an origin once for `/`, without a certificate. One attempt tells less than an examination: what may be the
 * application's own refusal is `unknown`. Never rejects.
 */
export async function tryWithoutCertificate(
  { hostname, serverName, address, port }: UncertifiedTarget,
  tools: Pick<DoctorTools, 'attemptTimeout' | 'clock'>,
): Promise<Enforcement> {
  const target = { endpoint: { address, port }, serverName, host: hostname, path: '/', pair: null, offered: null };
  let { answer, body } = await probe({ ...target, tls: 'TLSv1.3', http: 'http/1.1' }, tools);
  if (answer.kind === 'not_offered')
    ({ answer, body } = await probe({ ...target, tls: 'TLSv1.2', http: 'http/1.1' }, tools));
  if (isLetIn(answer)) return 'not_enforced';
  return refusesInSoManyWords(answer, body) ? 'enforced' : 'unknown';
}
