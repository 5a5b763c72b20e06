import { type Certificate, parseCertificate } from './certificate.ts';
import { type GuardOptions, type HostRule, type Requirement, refuseUnknown, type Source } from './options.ts';
import type { PathRules } from './path.ts';
import { readPem } from './pem.ts';
import { type PinSets, readPins } from './pins.ts';
import { isListOf, parseRevocationList, type RevocationList } from './revocation.ts';
import { filesOf, readSource } from './sources.ts';

/** A requirement with everything it names read and checked. */
export interface Policy extends PathRules {
  readonly pins: PinSets | null;
}

/** One way to be let in at a host. */
export interface Alternative {
  readonly level: string | null;
  readonly requirement: Requirement;
}

/** What a host's rule comes to: one alternative a level. Throws where it contradicts itself or trusts nothing. */
export function alternativesOf(host: string, rule: HostRule, options: GuardOptions): Alternative[] {
  refuseUnknown(rule, 'host', `"hosts.${host}"`);
  const names = rule.level === undefined ? [null] : Array.isArray(rule.level) ? rule.level : [rule.level];
  if (names.length === 0) throw new Error(`"hosts.${host}.level" is empty`);
  if (names.length > 1 && rule.trust !== undefined)
    throw new Error(`"hosts.${host}" has its own "trust", so it can be of one level only`);
  return names.map((level) => {
    const base = level !== null && Object.hasOwn(options.levels ?? {}, level) ? options.levels?.[level] : undefined;
    if (base !== undefined) refuseUnknown(base, 'level', `"levels.${level}"`);
    // Without "levels" a name is only a label; with them, or with two names, it has to mean something of its own.
    const isLabel = rule.trust !== undefined || (options.levels === undefined && names.length === 1);
    if (level !== null && base === undefined && !isLabel)
      throw new Error(`"hosts.${host}.level" names "${level}", which "levels" does not describe`);
    const from = <K extends keyof Requirement>(key: K): Requirement[K] =>
      [rule[key], base?.[key], options[key]].find((value) => value !== undefined);
    const requirement = {
      trust: from('trust'),
      intermediates: from('intermediates'),
      crl: from('crl'),
      pin: from('pin'),
      usage: from('usage'),
    };
    if (requirement.trust === undefined || requirement.trust === null)
      throw new Error(`"hosts.${host}" has no "trust": name the CA whose certificates it shall answer`);
    if (requirement.usage != null && requirement.usage !== 'clientAuth')
      throw new Error(`"usage" can only be "clientAuth", not ${JSON.stringify(requirement.usage)}`);
    return { level, requirement };
  });
}

/** Paths of all files of a requirement. */
export function filesOfRequirement({ trust, intermediates, crl }: Requirement): string[] {
  return [trust, intermediates, crl].flatMap(filesOf);
}

/** Reads everything that a requirement names. Throws where something of it cannot be relied on. */
export function readPolicy(requirement: Requirement, now: number): Policy {
  const { trust, intermediates, crl, pin } = requirement;
  if (pin != null) refuseUnknown(pin, 'pin', '"pin"');
  const pins = pin == null ? null : readPins(pin);
  const anchors = readCertificates(trust!, 'trust', (certificate) => {
    if (certificate.isCa) return certificate.unsupported || certificate.weak ? weakness(certificate) : null;
    return pins?.fingerprints?.has(certificate.fingerprint) ? null : NO_CA;
  });
  if (anchors.every(({ notAfter }) => notAfter < now))
    throw new Error(
      `${anchors.length === 1 ? 'the certificate' : 'every certificate'} of "trust" has expired: put in a current one`,
    );
  const known =
    intermediates == null ? [] : readCertificates(intermediates, 'intermediates', (c) => (c.isCa ? null : NO_CA));
  return {
    anchors,
    intermediates: known,
    lists: crl == null ? null : readLists(crl, [...anchors, ...known], now),
    requireClientAuth: requirement.usage === 'clientAuth',
    pins,
  };
}

const NO_CA =
  'is not a CA certificate: name the CA that issues the client certificates, or pin its fingerprint as well';

function weakness({ weak }: Certificate): string {
  return weak
    ? 'has a weak key or signature: use another CA'
    : 'carries constraints that are not supported: use another CA';
}

function readCertificates(
  source: Source,
  option: string,
  flaw: (certificate: Certificate) => string | null,
): Certificate[] {
  return readSource(source, option).flatMap(({ name, text }) =>
    attempt(name, () => readPem(text, 'CERTIFICATE').map(parseCertificate)).map((certificate) => {
      const wrong = flaw(certificate);
      if (wrong !== null)
        throw new Error(`${name} cannot be used: ${certificate.subjectText || 'a certificate in it'} ${wrong}`);
      return certificate;
    }),
  );
}

function readLists(source: Source, cas: readonly Certificate[], now: number): RevocationList[] {
  return readSource(source, 'crl').flatMap(({ name, text }) =>
    attempt(name, () =>
      readPem(text, 'X509 CRL').map((der) => {
        const list = parseRevocationList(der);
        const issuers = cas.filter(({ subject }) => subject === list.issuer);
        if (issuers.length > 0 && !issuers.some((issuer) => isListOf(list, issuer)))
          throw new Error('a revocation list is not signed by the CA that it names');
        if (now > list.nextUpdate) throw new Error('a revocation list is out of date: put in the next one');
        return list;
      }),
    ),
  );
}

function attempt<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${name} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
