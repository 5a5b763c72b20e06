import { randomBytes } from 'node:crypto';
import {
  type IssuedCertificate,
  type Issuer,
  issueClientCa,
  issueClientCertificate,
  issueServerCertificate,
} from '../../src/x509/mod.ts';

const options = () => ({ now: Date.now(), randomBytes, installationId: '00000000000000000000000000000000' });

/** A private CA. */
export const makeCa = (name: string): Promise<IssuedCertificate> => issueClientCa(name, options());

/** A client leaf. */
export const makeClient = (ca: Issuer, name: string): Promise<IssuedCertificate> =>
  issueClientCertificate(ca, name, options());

/** A server leaf for hostnames or addresses. */
export const makeServer = (ca: Issuer, ...names: string[]): Promise<IssuedCertificate> =>
  issueServerCertificate(ca, names, options());

/** As `makeServer`, with an RSA key. */
export const makeRsaServer = (ca: Issuer, ...names: string[]): Promise<IssuedCertificate> =>
  issueServerCertificate(ca, names, options(), 'rsa');
