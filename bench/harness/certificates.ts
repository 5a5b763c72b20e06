import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueClientCa, issueClientCertificate, issueServerCertificate } from '../../src/x509/mod.ts';

/** Hostname that visitors ask for. */
export const HOSTNAME = 'www.bench.test';

/** A certificate and its private key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Throw-away certificates in files: a CA, and what it signed. All P-256. */
export interface Certificates {
  readonly directory: string;
  readonly ca: string;
  readonly client: Pair;
  readonly authority: Pair;
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
    const pair = await issueServerCertificate(ca, [HOSTNAME], options);
    writeFileSync(files[role], pair.certificate + pair.privateKey);
  }
  return { directory, ca: ca.certificate, authority: ca, client, files };
}

/** Client certificates of the same CA, each with a key of its own. */
export async function makeClients({ authority }: Certificates, count: number): Promise<Pair[]> {
  const options = { now: Date.now(), randomBytes, installationId: '0'.repeat(32) };
  return await Promise.all(
    Array.from({ length: count }, (_, i) => issueClientCertificate(authority, `edge ${i}`, options)),
  );
}
