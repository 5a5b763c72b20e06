import type { DoctorCheck } from '../../core/mod.ts';
import { isSilent, type Try, VERSIONS, type Version } from './examine-address.ts';
import { isLetIn } from './judge.ts';
import type { Observation } from './probe.ts';
import type { Strangers } from './strangers.ts';
import type { DoctorSubject, Pair } from './subject.ts';

/** What the sessions are tried with. */
export interface SessionTools {
  readonly attempt: Try;
  /** Notes that a door could not be tried. */
  readonly skip: (check: DoctorCheck, reason: string) => void;
  /** Notes that the server gave nothing that could be tried. */
  readonly absent: (check: DoctorCheck, tls: Version) => void;
  /** What came of the first attempt of a kind, under the subject's own name. */
  readonly seen: (check: DoctorCheck, tls: Version) => Observation | null;
}

/**
 * Tries what sessions open. A TLS session is an identity: whoever resumes it is taken for the one it was made with (RFC 8446
 * section 4.6.1), so that the holder of the right certificate may resume under the same name is no hole. Holes are a session of
 * somebody who was refused, and one made under another name, where nobody or another CA vouched for its holder, that is taken
 * under the protected name, and the reverse (CVE-2025-23419, CVE-2025-23048, spec/threats.md section 2 rows 4 to 6). The tries of
 * `other_name` and `no_name` get the sessions under other names, and are made here; `address` is the Host of those without a name.
 */
export async function examineSessions(
  subject: DoctorSubject,
  strangers: Strangers,
  address: string,
  tools: SessionTools,
): Promise<void> {
  if (subject.right === null) tools.skip('resumed_without', 'No certificate was named that the origin lets in.');
  for (const tls of VERSIONS) {
    if (subject.right !== null) await examineOwnName(tls, subject.serverName, tools);
    await examineOtherNames(tls, subject, strangers, address, tools);
  }
}

async function examineOwnName(tls: Version, serverName: string, tools: SessionTools): Promise<void> {
  let count = 0;
  for (const kind of ['right', 'none', 'self_signed'] as const) {
    const session = tools.seen(kind, tls)?.session ?? null;
    if (session === null || isWelcome(kind, tls, tools)) continue;
    const judge = kind === 'right' ? 'own session' : null;
    await tools.attempt('resumed_without', { tls, offered: { session, serverName }, judge });
    count++;
  }
  if (count === 0) noteNothing('resumed_without', tls, tools);
}

async function examineOtherNames(
  tls: Version,
  subject: DoctorSubject,
  strangers: Strangers,
  address: string,
  tools: SessionTools,
): Promise<void> {
  const { right, serverName, otherNames } = subject;
  const { attempt, seen } = tools;
  const own = seen('right', tls);
  const accepted = own !== null && isLetIn(own.answer) ? own.session : null;
  let count = 0;
  for (const name of [...otherNames, strangers.unknownName, null]) {
    for (const [check, pair] of guests(subject, strangers, name)) {
      const session = (await attempt(check, { tls, serverName: name, pair }))?.session ?? null;
      if (session === null || isWelcome(pair === null ? 'none' : check, tls, tools)) continue;
      await attempt('resumed_other_name', { tls, offered: { session, serverName: name } });
      count++;
    }
    // A visitor who names no host that is known gets what the server has for everybody.
    await attempt(name === null ? 'no_name' : 'other_name', { tls, serverName: name, host: name ?? address });
    if (name === null || accepted === null || !otherNames.includes(name)) continue;
    // With its own Host: what refuses the right certificate there must refuse its session too.
    const there = await attempt('right', { tls, serverName: name, host: name, pair: right, judge: 'elsewhere' });
    if (there === null || isLetIn(there.answer)) continue;
    const offered = { session: accepted, serverName };
    await attempt('resumed_other_name', { tls, serverName: name, host: name, offered, judge: 'reverse' });
    count++;
  }
  if (count === 0) noteNothing('resumed_other_name', tls, tools);
}

/** True where a guest is let in without any session, or everybody is: his session would prove nothing more. */
function isWelcome(kind: DoctorCheck, tls: Version, { seen }: SessionTools): boolean {
  const isIn = (check: DoctorCheck) => {
    const observation = seen(check, tls);
    return observation !== null && isLetIn(observation.answer);
  };
  return isIn('none') || (kind !== 'right' && isIn(kind));
}

function noteNothing(check: DoctorCheck, tls: Version, tools: SessionTools): void {
  const none = tools.seen('none', tls);
  if (none === null || isSilent(none)) tools.skip(check, 'The address did not answer.');
  else if (isWelcome('none', tls, tools)) tools.skip(check, 'Whoever comes without a certificate is let in anyway.');
  else tools.absent(check, tls);
}

/** Who asks for a session under another name, none of whom may come in by it. */
function guests(subject: DoctorSubject, strangers: Strangers, name: string | null): [DoctorCheck, Pair | null][] {
  const all: [DoctorCheck, Pair | null][] = [
    [name === null ? 'no_name' : 'other_name', null],
    ['self_signed', strangers.selfSigned],
  ];
  // At the global level both are let in by right.
  if (subject.level === 'global') return all;
  if (subject.otherTenant !== null) all.push(['other_tenant', subject.otherTenant]);
  if (subject.shared !== null) all.push(['shared', subject.shared]);
  return all;
}
