export * from './certificate.ts';
export * from './issue.ts';
export { writePem } from './pem.ts';
export * from './seal.ts';
export * from './upload.ts';
