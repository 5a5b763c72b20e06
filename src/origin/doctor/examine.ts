import {
  type CertificateRequestFact,
  type DoctorAttempt,
  type DoctorReport,
  formatSeconds,
  hostPort,
} from '../../core/mod.ts';
import { issuerNames } from '../../x509/mod.ts';
import { type CertificateRequest, seeCertificateRequest } from './certificate-request.ts';
import { conclude } from './conclude.ts';
import { examineAddress, mostAttempts } from './examine-address.ts';
import { type Observation, type Probe, probe } from './probe.ts';
import { makeStrangers } from './strangers.ts';
import type { DoctorSubject, DoctorTools, Endpoint } from './subject.ts';

/**
 * Goes to each address of an origin and tries every door. One request an attempt, at most `pace` a second, one after another;
 * at most `mostAttempts` in all. Rejects where a certificate of the subject and its key cannot be loaded.
 */
export async function examine(subject: DoctorSubject, tools: DoctorTools): Promise<DoctorReport> {
  const startedAt = tools.clock.now();
  const strangers = await makeStrangers(subject, tools);
  const most = mostAttempts(subject);
  let made = 0;
  let next = startedAt;
  const turn = async () => {
    const now = tools.clock.now();
    if (now < next) await tools.delay(next - now);
    next = Math.max(next, now) + 1000 / tools.pace;
  };
  const paced = async (target: Probe): Promise<Observation> => {
    await turn();
    const observation = await probe(target, tools);
    tools.onProgress?.(++made, most);
    return observation;
  };
  const ask = async (endpoint: Endpoint): Promise<CertificateRequestFact> => {
    await turn();
    const found = await seeCertificateRequest(
      endpoint,
      subject.serverName,
      tools.randomBytes(32),
      tools.attemptTimeout,
    );
    tools.onProgress?.(++made, most);
    return factOf(endpoint, found, subject);
  };
  const attempts: DoctorAttempt[] = [];
  const requests: CertificateRequestFact[] = [];
  const notes = new Set<string>();
  for (const endpoint of subject.endpoints) {
    requests.push(await ask(endpoint));
    const found = await examineAddress(endpoint, subject, strangers, paced, startedAt);
    attempts.push(...found.attempts);
    for (const note of found.notes) notes.add(note);
  }
  return {
    version: 1,
    hostname: subject.hostname,
    level: subject.level,
    started_at: formatSeconds(startedAt),
    duration_ms: Math.round(tools.clock.now() - startedAt),
    ...conclude(subject, attempts, [...notes]),
    certificate_requests: requests,
    attempts,
  };
}

function factOf(
  { address, port }: Endpoint,
  { isAsked, authorities }: CertificateRequest,
  { right }: DoctorSubject,
): CertificateRequestFact {
  const issuers = right === null ? [] : issuerNames(right.certificate);
  return {
    address: hostPort(address, port),
    asked: isAsked,
    names_issuer:
      authorities.length === 0 || right === null
        ? null
        : authorities.some((name) => issuers.some((issuer) => name.equals(issuer))),
  };
}
