export * from './certificate.ts';
export * from './issue.ts';
export { writePem } from './pem.ts';
export * from './seal.ts';
export { parseServerUpload, type ServerCertificateUpload } from './server-upload.ts';
export { deriveTicketKeys } from './ticket-keys.ts';
export { type ClientCertificateUpload, parseUpload } from './upload.ts';
