export { type AddressRange, Edge, type EdgeOptions, type ListenAddress } from './edge.ts';
export type { Unseal } from './identity-contexts.ts';
export type { ProveOrigin } from './origin-proofs.ts';
export type { RequestCertificate } from './server-contexts.ts';
