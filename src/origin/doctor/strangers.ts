import { issueSelfSigned, issueWithNamesOf } from '../../x509/mod.ts';
import type { DoctorSubject, DoctorTools, Pair } from './subject.ts';

/** Certificates that nobody could have given the origin a reason to trust, and a name that nobody has. */
export interface Strangers {
  readonly selfSigned: Pair;
  /** The subject of the right certificate, once from a CA that is named as the right one, once from another. */
  readonly sameSubject: readonly Pair[];
  readonly unknownName: string;
}

/** Makes the strangers of one examination; no other one has the same. */
export async function makeStrangers(subject: DoctorSubject, { clock, randomBytes }: DoctorTools): Promise<Strangers> {
  const options = { now: clock.now(), randomBytes, installationId: '' };
  const word = Buffer.from(randomBytes(8)).toString('hex');
  const selfSigned = await issueSelfSigned(`stranger ${word}`, options);
  const own = subject.right?.certificate;
  const sameSubject =
    own === undefined
      ? [await issueSelfSigned(subject.hostname.slice(0, 64), options)]
      : [await issueWithNamesOf(own, null, options), await issueWithNamesOf(own, `stranger ${word} CA`, options)];
  return { selfSigned, sameSubject, unknownName: `doctor-${word}.invalid` };
}
