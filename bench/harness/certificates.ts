import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type IssuedCertificate,
  issueClientCa,
  issueClientCertificate,
  issueServerCertificate,
} from '../../src/x509/mod.ts';

/** Hostname that visitors ask for. */
export const HOSTNAME = 'www.bench.test';

/** Hostname whose origin echoes. */
export const ECHO_HOSTNAME = 'echo.bench.test';

/** Throw-away certificates in files: a CA, and what it signed. All P-256. */
export interface Certificates {
  readonly directory: string;
  readonly ca: string;
  readonly client: IssuedCertificate;
  /** What visitors are shown: with the certificate that signed it, as those of public CAs come. */
  readonly server: Pick<IssuedCertificate, 'certificate' | 'privateKey'>;
  /** Another client certificate of the same CA. */
  issueClient(): Promise<IssuedCertificate>;
  /** PEM files by role: certificate and key in one. */
  readonly files: { readonly ca: string; readonly origin: string; readonly client: string; readonly server: string };
}

/** Makes them in `directory`. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const options = { now: Date.now(), randomBytes, installationId: '0'.repeat(32) };
  const ca = await issueClientCa('Throw-away benchmark CA', options);
  const client = await issueClientCertificate(ca, 'edge', options);
  const files = {
    ca: join(directory, 'ca.pem'),
    origin: join(directory, 'origin.pem'),
    client: join(directory, 'client.pem'),
    server: join(directory, 'server.pem'),
  };
  writeFileSync(files.ca, ca.certificate);
  writeFileSync(files.client, client.certificate + client.privateKey);
  const names = [HOSTNAME, ECHO_HOSTNAME];
  const origin = await issueServerCertificate(ca, names, options);
  writeFileSync(files.origin, origin.certificate + origin.privateKey);
  const leaf = await issueServerCertificate(ca, names, options);
  const server = { certificate: leaf.certificate + ca.certificate, privateKey: leaf.privateKey };
  writeFileSync(files.server, server.certificate + server.privateKey);
  const issueClient = () => issueClientCertificate(ca, 'edge', { ...options, now: Date.now() });
  return { directory, ca: ca.certificate, client, server, issueClient, files };
}
