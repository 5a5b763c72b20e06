export * from './generate/description.ts';
export { GENERATORS } from './generate/generators.ts';
export { readTrust, TrustError, type TrustFacts } from './trust.ts';
export { examine } from './doctor/examine.ts';
export type { DoctorSubject, DoctorTools, Endpoint, Pair } from './doctor/subject.ts';
