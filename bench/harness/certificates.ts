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
  for (const role of ['origin', 'server'] as const) {
    const pair = await issueServerCertificate(ca, [HOSTNAME, ECHO_HOSTNAME], options);
    writeFileSync(files[role], pair.certificate + pair.privateKey);
  }
  const issueClient = () => issueClientCertificate(ca, 'edge', { ...options, now: Date.now() });
  return { directory, ca: ca.certificate, client, issueClient, files };
}
