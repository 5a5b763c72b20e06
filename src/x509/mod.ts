export * from './certificate.ts';
export {
  type IssuedCertificate,
  type IssueOptions,
  type Issuer,
  issueClientCa,
  issueClientCertificate,
  issueOriginPullCa,
  issueRoot,
  issueServerCertificate,
  issueSharedLeaf,
  needsRenewal,
} from './issue.ts';
export { issueSelfSigned, issueWithNamesOf } from './issue-stranger.ts';
export { issuerNames } from './issuer-names.ts';
export { writePem } from './pem.ts';
export * from './seal.ts';
export { parseServerUpload, type ServerCertificateUpload } from './server-upload.ts';
export { deriveTicketKeys } from './ticket-keys.ts';
export { type ClientCertificateUpload, parseUpload } from './upload.ts';
