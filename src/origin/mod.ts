export * from './generate/description.ts';
export { GENERATORS } from './generate/generators.ts';
export { readTrust, TrustError, type TrustFacts } from './trust.ts';
