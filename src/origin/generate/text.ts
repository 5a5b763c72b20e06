import type { Level } from '../../core/mod.ts';
import type { OriginDescription, Warning } from './description.ts';

const PROVES: Readonly<Record<Level, readonly string[]>> = {
  global: [
    'Level global: the CA is shared by all accounts of the installation. A request that is let in came through this',
    "installation's edge, and not necessarily through your zone: another account can point its own zone at this origin.",
  ],
  zone: [
    'Level zone: a request that is let in came from whoever holds a certificate of your own CA. That is as narrow as what the',
    'CA has signed: a certificate of another zone under the same CA is let in too, unless you pin the subject.',
  ],
  hostname: [
    'Level hostname: a request that is let in came from whoever holds a certificate of your own CA. That is as narrow as what',
    'the CA has signed: a certificate for another hostname under the same CA is let in too, unless you pin the subject.',
  ],
};

const STAGE: Readonly<Record<OriginDescription['stage'], readonly string[]>> = {
  observe: [
    'Stage observe: THE ORIGIN IS STILL OPEN. It asks for the certificate, reports what it was shown and lets everybody in.',
  ],
  enforce: ['Stage enforce: whoever does not show a certificate that the trust file vouches for is refused.'],
};

/** What stands on top of every configuration: what it is, what it proves, the way to introduce it, known holes. */
export function preamble(title: string, description: OriginDescription, warnings: readonly Warning[]): string[] {
  const { hostnames, level, stage, trust, httpPort } = description;
  const plain = httpPort === 80 ? '' : ` --http-port ${httpPort}`;
  return [
    `${title}: authenticated origin pulls for ${hostnames.join(', ')}`,
    '',
    ...STAGE[stage],
    ...PROVES[level],
    `Trusted: the CAs in ${trust}, and no other.`,
    '',
    'The way that locks nobody out:',
    '  1. present: the edge shows its certificate (countersign level set ...)',
    `  2. observe: the origin asks and reports${stage === 'observe' ? '  <- this text' : ''}`,
    `  3. enforce: the same command with --stage enforce${stage === 'enforce' ? '  <- this text' : ''}`,
    `  4. prove:   countersign doctor --origin THIS_SERVER:${description.httpsPort} --sni ${hostnames[0]} --cert FILE --key FILE${plain}`,
    ...(warnings.length === 0 ? [] : ['', 'Known holes of this server:']),
    ...warnings.flatMap(({ cve, versions, text }) => [`  ${cve}, ${versions}:`, `    ${text}`]),
  ];
}

/** Lines as comments, each after `mark`. */
export function comment(lines: readonly string[], mark = '#'): string {
  return lines.map((line) => `${mark} ${line}`.trimEnd()).join('\n');
}

/** Joins blocks with a blank line between; null ones are left out. Ends with a line feed. */
export function blocks(...parts: readonly (string | null)[]): string {
  return `${parts.filter((part) => part !== null).join('\n\n')}\n`;
}

/** Indents all lines of a text that are not blank. */
export function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}

/** The addresses for a server to which `::` means IPv4 too: both would be taken twice. */
export function dualStack(addresses: readonly string[]): readonly string[] {
  return addresses.includes('::') ? addresses.filter((address) => address !== '0.0.0.0') : addresses;
}

/** A regular expression that matches exactly these names. */
export function namesPattern(hostnames: readonly string[]): string {
  const names = hostnames.map((name) => name.replaceAll('.', '\\.'));
  return names.length === 1 ? names[0]! : `(?:${names.join('|')})`;
}
