/** Fields `cf.tls_client_auth.*`: the certificate that the visitor presented (spec/waf.md 1.4). */

import type { NameParts, VisitorCertificateFacts } from '../request-facts.ts';
import { boolean, string } from './define.ts';
import type { Field } from './field.ts';

const PREFIX = 'cf.tls_client_auth.';
const MAX_CERTIFICATE = 10 * 1024;
const MAX_CHAIN = 16 * 1024;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const VISITOR_CERTIFICATE_FIELDS: readonly Field[] = [
  boolean(`${PREFIX}cert_presented`, ({ facts }) => facts.visitorCertificate !== null),
  boolean(`${PREFIX}cert_verified`, ({ facts }) => facts.visitorCertificate?.isVerified ?? false),
  boolean(`${PREFIX}cert_revoked`, ({ facts }) => facts.visitorCertificate?.isRevoked ?? false),
  text('cert_issuer_dn', ({ issuer }) => rfc2253(issuer)),
  text('cert_subject_dn', ({ subject }) => rfc2253(subject)),
  text('cert_issuer_dn_rfc2253', ({ issuer }) => rfc2253(issuer)),
  text('cert_subject_dn_rfc2253', ({ subject }) => rfc2253(subject)),
  text('cert_issuer_dn_legacy', ({ issuer }) => legacy(issuer)),
  text('cert_subject_dn_legacy', ({ subject }) => legacy(subject)),
  text('cert_serial', ({ serial }) => serial),
  text('cert_issuer_serial', ({ issuerSerial }) => issuerSerial),
  text('cert_fingerprint_sha256', ({ fingerprintSha256 }) => fingerprintSha256),
  text('cert_fingerprint_sha1', ({ fingerprintSha1 }) => fingerprintSha1),
  text('cert_not_before', ({ notBefore }) => opensslDate(notBefore)),
  text('cert_not_after', ({ notAfter }) => opensslDate(notAfter)),
  text('cert_ski', ({ subjectKeyId }) => subjectKeyId),
  text('cert_issuer_ski', ({ issuerKeyId }) => issuerKeyId),
  text('cert_rfc9440', (certificate) => within(leaf(certificate), MAX_CERTIFICATE)),
  flag('cert_rfc9440_too_large', (certificate) => leaf(certificate).length > MAX_CERTIFICATE),
  text('cert_chain_rfc9440', (certificate) => within(chain(certificate), MAX_CHAIN)),
  flag('cert_chain_rfc9440_too_large', (certificate) => chain(certificate).length > MAX_CHAIN),
];

function text(name: string, read: (certificate: VisitorCertificateFacts) => string): Field {
  return string(PREFIX + name, ({ facts }) =>
    facts.visitorCertificate === null ? '' : read(facts.visitorCertificate),
  );
}

function flag(name: string, read: (certificate: VisitorCertificateFacts) => boolean): Field {
  return boolean(PREFIX + name, ({ facts }) => facts.visitorCertificate !== null && read(facts.visitorCertificate));
}

/** RFC 2253: the most specific part first. */
function rfc2253(name: NameParts): string {
  return [...name]
    .reverse()
    .map(([type, value]) => `${type}=${escaped(value)}`)
    .join(',');
}

function escaped(value: string): string {
  return value.replace(/[,+"\\<>;]|^[ #]| $/g, '\\$&');
}

function legacy(name: NameParts): string {
  return name.map(([type, value]) => `/${type}=${value}`).join('');
}

/** `Mar  1 13:35:00 2022 GMT` */
function opensslDate(time: number): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, '0');
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${clock} ${date.getUTCFullYear()} GMT`;
}

/** RFC 9440: a byte sequence of structured fields. */
function leaf({ der }: VisitorCertificateFacts): string {
  return `:${btoa(der)}:`;
}

function chain(certificate: VisitorCertificateFacts): string {
  return certificate.chain.map((der) => `:${btoa(der)}:`).join(', ');
}

function within(value: string, most: number): string {
  return value.length > most ? '' : value;
}
