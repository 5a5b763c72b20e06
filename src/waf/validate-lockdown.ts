import { canonicalHostname, isWithinZone } from '../core/mod.ts';
import { canonicalAddress, canonicalRange } from './validate-address.ts';
import { at, invalid, readArray, readChoice, readFlag, readMembers, readText } from './validate-input.ts';

/** An address or range that may pass. */
export interface LockdownAddress {
  readonly target: 'ip' | 'ip_range';
  readonly value: string;
}

/** What a client says of a zone lockdown; undefined where it may say nothing. */
export interface LockdownInput {
  /** `host/path` patterns, with `*`. */
  readonly urls: readonly string[];
  readonly configurations: readonly LockdownAddress[];
  readonly description: string | undefined;
  readonly paused: boolean | undefined;
}

/** Characters that the URLs of one lockdown may have together, so many more for each: it is one expression. */
const MAX_PATTERNS = 1900;
const EACH = 40;

/** Reads a zone lockdown (types of the official SDK). Throws `rule_invalid`. */
export function readLockdown(body: unknown, zoneName: string): LockdownInput {
  // Every lockdown of a URL is held: there is no order in which they could come, and so no priority.
  const { urls, configurations, description, paused } = readMembers(body, '', [
    'urls',
    'configurations',
    'description',
    'paused',
  ]);
  const patterns = readArray(urls, '/urls', [1, 100], (url, pointer) => readUrl(url, pointer, zoneName));
  if (patterns.reduce((sum, pattern) => sum + JSON.stringify(pattern).length + EACH, 0) > MAX_PATTERNS) {
    throw invalid('/urls', 'are too long together: make several lockdowns of them.');
  }
  return {
    urls: patterns,
    configurations: readArray(configurations, '/configurations', [1, 1000], readAddress),
    description: description === undefined ? undefined : readText(description, '/description', 0, 1000),
    paused: paused === undefined ? undefined : readFlag(paused, '/paused'),
  };
}

function readUrl(value: unknown, pointer: string, zoneName: string): string {
  const text = readText(value, pointer, 1, 1024);
  const [, host, path] = /^(?:https?:\/\/)?([^/]+)(\/[\x21\x22\x24-\x5b\x5d-\x7e]*)$/i.exec(text) ?? [];
  if (host === undefined || path === undefined) {
    throw invalid(
      pointer,
      'must be a hostname and a path, as shop.example.com/* (all of the host), without backslash, # and blanks.',
    );
  }
  if (text.split('*').length > 50) throw invalid(pointer, 'has more stars than anybody needs.');
  const name = host.toLowerCase();
  // A star stands for any characters: one of a name is enough to see whether the rest is a hostname.
  const sample = canonicalHostname(name.replaceAll('*', 'x'));
  if (sample === null) throw invalid(pointer, `${host} is no hostname (a port cannot be given).`);
  if (!name.includes('*') && !isWithinZone(name, zoneName)) {
    throw invalid(pointer, `${host} does not belong to the zone ${zoneName}.`);
  }
  return name + path;
}

function readAddress(value: unknown, pointer: string): LockdownAddress {
  const members = readMembers(value, pointer, ['target', 'value']);
  const target = readChoice(members.target, at(pointer, 'target'), ['ip', 'ip_range']);
  const where = at(pointer, 'value');
  const text = readText(members.value, where, 1, 100);
  const canonical = target === 'ip' ? canonicalAddress(text) : text.includes('/') ? canonicalRange(text) : null;
  if (canonical === null) {
    throw invalid(
      where,
      `must be ${target === 'ip' ? 'an IP address' : 'a CIDR range, without bits behind the prefix'}.`,
    );
  }
  return { target, value: canonical };
}
