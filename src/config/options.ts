import { type AddressRange, parseAddressRange } from './address-range.ts';
import { type HostPort, parseHostPort } from './host-port.ts';

/** What `countersign up` can be told (design/product.md). */
export interface Config {
  /** Data directory. */
  readonly data: string;
  /** Null for SQLite in the data directory. */
  readonly database: string | null;
  readonly edgeHttps: HostPort;
  readonly edgeHttp: HostPort;
  readonly api: HostPort;
  readonly apiTls: HostPort | null;
  readonly workers: number;
  readonly demo: boolean;
  /** A file, `-` for stdout, or null for none. */
  readonly accessLog: string | null;
  /** Load balancers, whose connections begin with a PROXY protocol header. */
  readonly proxyProtocol: readonly AddressRange[];
  /** What happens to a request whose rules could not be run to their end: refused, or passed on. */
  readonly wafFailure: 'closed' | 'open';
  /** Databases in MaxMind's format, which say where a visitor is. */
  readonly geoip: readonly string[];
  /** Whether the edge tries origins without a certificate now and then, to know whether they demand one. */
  readonly originProof: boolean;
}

/** One option: its flag without dashes, which is its key in countersign.yaml too, and how its text is read. */
export interface Option<K extends keyof Config = keyof Config> {
  readonly name: K;
  readonly flag: string;
  /** Environment variable. */
  readonly variable: string;
  /** What the value looks like in help; null for a switch. */
  readonly value: string | null;
  readonly help: string;
  /** Reads a value, or says what is expected instead. */
  readonly parse: (text: string) => Config[K] | Expected;
  readonly fallback: (cores: number) => Config[K];
}

/** What an option's value should have been. */
export class Expected {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

const address = (text: string): HostPort | Expected =>
  parseHostPort(text) ?? new Expected('HOST:PORT, as 127.0.0.1:8443');

function option<K extends keyof Config>(
  name: K,
  value: string | null,
  help: string,
  parse: (text: string) => Config[K] | Expected,
  fallback: (cores: number) => Config[K],
): Option<K> {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = `COUNTERSIGN_${flag.replaceAll('-', '_').toUpperCase()}`;
  return { name, flag, variable, value, help, parse, fallback };
}

const local = (port: number) => (): HostPort => ({ host: '127.0.0.1', port });

/** All options, in the order of the help. */
export const OPTIONS = [
  option('data', 'DIR', 'data directory', nonEmpty, () => '.countersign'),
  option('database', 'URL', 'database (default: SQLite in the data directory)', nonEmpty, () => null),
  option('edgeHttps', 'HOST:PORT', 'where https visitors come in', address, local(8443)),
  option('edgeHttp', 'HOST:PORT', 'where http visitors come in', address, local(8080)),
  option('api', 'HOST:PORT', 'where the API listens (HTTP)', address, local(7070)),
  option('apiTls', 'HOST:PORT', 'where the API listens for HTTPS (default: nowhere)', address, () => null),
  option('workers', 'N', 'edge processes (default: one a core)', workers, (cores) => cores),
  option(
    'demo',
    null,
    'also start a demo: an origin that demands client certificates, and a zone for it',
    toggle,
    () => false,
  ),
  option('accessLog', 'FILE|-', 'write the access log to a file, or - for stdout', nonEmpty, () => null),
  option(
    'proxyProtocol',
    'CIDR[,CIDR…]',
    'load balancers whose connections begin with a PROXY protocol header (default: none)',
    ranges,
    () => [],
  ),
  option(
    'wafFailure',
    'closed|open',
    'whether a request whose rules cannot be evaluated is refused or passed on (default: closed)',
    (text) => (text === 'closed' || text === 'open' ? text : new Expected('closed or open')),
    () => 'closed',
  ),
  option(
    'geoip',
    'FILE[,FILE…]',
    "databases in MaxMind's format: where visitors are, for rules (default: none)",
    files,
    () => [],
  ),
  option(
    'originProof',
    'on|off',
    'whether origins are tried without a certificate, each address once an hour, to know whether they demand it (default: on)',
    (text) => (text === 'on' || text === 'off' ? text === 'on' : new Expected('on or off')),
    () => true,
  ),
] as const;

function nonEmpty(text: string): string | Expected {
  return text === '' ? new Expected('a value') : text;
}

function files(text: string): readonly string[] | Expected {
  const all = text.split(',').map((part) => part.trim());
  return all.includes('') ? new Expected('files with commas between') : all;
}

function ranges(text: string): readonly AddressRange[] | Expected {
  const all = text.split(',').map((part) => parseAddressRange(part.trim()));
  return all.includes(null)
    ? new Expected('addresses or ranges with commas between, as 10.0.0.0/8,2001:db8::/32')
    : (all as AddressRange[]);
}

function workers(text: string): number | Expected {
  const count = Number(text);
  return Number.isInteger(count) && count >= 1 && count <= 256 ? count : new Expected('a whole number from 1 to 256');
}

function toggle(text: string): boolean | Expected {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return new Expected('true or false');
}
