import { issueSelfSigned, issueWithNamesOf } from '../../x509/mod.ts';
import type { DoctorSubject, DoctorTools, Pair } from './subject.ts';

/** Certificates that nobody could have given the origin a reason to trust, and a name that nobody has. */
export interface Strangers {
  readonly selfSigned: Pair;
  /** Subject, issuer and CA named exactly as the right certificate's, by other keys. */
  readonly sameSubject: Pair;
  readonly unknownName: string;
}

/** Makes the strangers of one examination; no other one has the same. */
export async function makeStrangers(subject: DoctorSubject, { clock, randomBytes }: DoctorTools): Promise<Strangers> {
  const options = { now: clock.now(), randomBytes, installationId: '' };
  const word = Buffer.from(randomBytes(8)).toString('hex');
  const selfSigned = await issueSelfSigned(`stranger ${word}`, options);
  const sameSubject =
    subject.right === null
      ? await issueSelfSigned(subject.hostname.slice(0, 64), options)
      : await issueWithNamesOf(subject.right.certificate, options);
  return { selfSigned, sameSubject, unknownName: `doctor-${word}.invalid` };
}
