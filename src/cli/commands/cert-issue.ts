import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { makeDirectory, systemClock, systemRandom, writeWhole } from '../../platform/mod.ts';
import { type Issuer, issueClientCa, issueClientCertificate } from '../../x509/mod.ts';
import { read } from '../files.ts';
import { CliError, print, printJson } from '../output.ts';

interface IssueFlags {
  readonly caCert?: string;
  readonly caKey?: string;
  readonly out: string;
  readonly json?: boolean;
}

/** What was written: paths. */
interface Issued {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caCertificateFile: string;
  /** Where the CA was made too. */
  readonly caKeyFile?: string;
}

/** `countersign cert issue COMMON_NAME`: works offline; nothing is uploaded. */
export function issueCommand(): Command {
  return new Command('issue')
    .description('issue a client certificate from a private CA, which is made where none is named')
    .argument('<common-name>', 'name in the certificate')
    .requiredOption('--out <DIR>', 'directory for cert.pem and key.pem, and for ca.pem and ca.key of a new CA')
    .option('--ca-cert <FILE>', 'certificate of the CA to issue from (PEM)')
    .option('--ca-key <FILE>', 'its private key (PEM, P-256)')
    .option('--json', 'print JSON')
    .action(async (commonName: string, flags: IssueFlags) => {
      const issued = await issue(commonName, flags);
      if (flags.json) printJson(issued);
      else print(describe(issued));
    });
}

/** Makes a client certificate, and its CA where none is named, and writes them to files. Throws `CliError`. */
export async function issue(commonName: string, { caCert, caKey, out }: IssueFlags): Promise<Issued> {
  if (!/^\P{Cc}{1,64}$/u.test(commonName))
    throw new CliError(2, 'The common name must have 1 to 64 characters, none of them a control character.');
  if ((caCert === undefined) !== (caKey === undefined))
    throw new CliError(2, '--ca-cert and --ca-key go together: name both, or neither for a new CA.');
  const given = caCert === undefined ? null : readIssuer(caCert, caKey!);
  const directory = resolve(out);
  const paths = ['cert.pem', 'key.pem', ...(given === null ? ['ca.pem', 'ca.key'] : [])].map((n) => join(directory, n));
  const taken = paths.find((path) => existsSync(path));
  if (taken !== undefined) throw new CliError(3, `${taken} exists already: name another directory with --out.`);
  const options = { now: systemClock.now(), randomBytes: systemRandom.bytes, installationId: '' };
  const ca = given ?? (await issueClientCa(`${commonName} CA`.slice(0, 64), options));
  const leaf = await issueClientCertificate(ca, commonName, options);
  const [certificateFile, keyFile, caFile, caKeyFile] = paths as [string, string, string?, string?];
  try {
    makeDirectory(directory, 0o700);
    writeWhole(keyFile, leaf.privateKey, 0o600, true);
    writeWhole(certificateFile, leaf.certificate, 0o644, true);
    if (caFile !== undefined && caKeyFile !== undefined) {
      writeWhole(caKeyFile, ca.privateKey, 0o600, true);
      writeWhole(caFile, ca.certificate, 0o644, true);
    }
  } catch (error) {
    throw new CliError(
      3,
      `${directory} cannot be written (${(error as NodeJS.ErrnoException).code}): name another with --out.`,
    );
  }
  return {
    certificateFile,
    keyFile,
    caCertificateFile: caFile ?? resolve(caCert!),
    ...(caKeyFile === undefined ? {} : { caKeyFile }),
  };
}

/** Reads a CA and checks that it can issue. Throws `CliError`. */
function readIssuer(certificateFile: string, keyFile: string): Issuer {
  const [certificateText, keyText] = [read(certificateFile), read(keyFile)];
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(certificateText);
  } catch {
    throw new CliError(2, `--ca-cert ${certificateFile} is not a certificate in PEM.`);
  }
  try {
    key = createPrivateKey(keyText);
  } catch {
    throw new CliError(2, `--ca-key ${keyFile} is not an unencrypted private key in PEM.`);
  }
  if (!certificate.ca) throw new CliError(2, `--ca-cert ${certificateFile} is not the certificate of a CA.`);
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'ec' || (namedCurve !== 'prime256v1' && namedCurve !== 'P-256'))
    throw new CliError(2, `--ca-key ${keyFile} must be a P-256 key.`);
  const spki = (object: KeyObject) => object.export({ type: 'spki', format: 'der' }).toString('hex');
  if (spki(createPublicKey(key)) !== spki(certificate.publicKey))
    throw new CliError(2, `--ca-key ${keyFile} does not belong to --ca-cert ${certificateFile}.`);
  return { certificate: certificateText, privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string };
}

function describe({ certificateFile, keyFile, caCertificateFile, caKeyFile }: Issued): string {
  return [
    `Certificate  ${certificateFile}`,
    `Private key  ${keyFile}`,
    `CA           ${caCertificateFile}  (what your origin trusts)`,
    ...(caKeyFile === undefined ? [] : [`CA key       ${caKeyFile}  (keep it offline)`]),
    `Next: countersign cert upload ${certificateFile} ${keyFile}`,
  ].join('\n');
}
