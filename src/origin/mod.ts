export { describeAnswer } from './doctor/describe-answer.ts';
export { examine } from './doctor/examine.ts';
export { publicKeyText, readSigned, type SignedReport, signReport, writeSigned } from './doctor/signed-report.ts';
export { type OriginStage, originStage } from './doctor/stage.ts';
export type { DoctorSubject, DoctorTools, Endpoint, Pair } from './doctor/subject.ts';
export * from './generate/description.ts';
export { GENERATORS } from './generate/generators.ts';
export { readTrust, TrustError, type TrustFacts } from './trust.ts';
export { tryWithoutCertificate } from './without-certificate.ts';
