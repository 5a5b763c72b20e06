import { canonicalAddress, canonicalRange } from './validate-address.ts';
import { at, invalid, readChoice, readMembers, readText } from './validate-input.ts';

const MODES = ['block', 'challenge', 'js_challenge', 'managed_challenge', 'whitelist'] as const;
const TARGETS = ['ip', 'ip6', 'ip_range', 'asn', 'country'] as const;

/** What an IP access rule may say of requests. */
export type AccessMode = (typeof MODES)[number];

/** Whom an IP access rule is about. */
export interface AccessTarget {
  readonly target: (typeof TARGETS)[number];
  /** In the one spelling by which it is compared. */
  readonly value: string;
}

/** What a client says of an IP access rule; undefined where it says nothing. */
export interface AccessRuleInput {
  readonly mode: AccessMode | undefined;
  readonly configuration: AccessTarget | undefined;
  readonly notes: string | undefined;
}

/** Every mode, as the API lists them. */
export const ACCESS_MODES: readonly AccessMode[] = MODES;

/** Reads an IP access rule (types of the official SDK). Without a geo database nobody's network or country is known. Throws `rule_invalid`. */
export function readAccessRule(body: unknown, hasGeo: boolean): AccessRuleInput {
  const { mode, configuration, notes } = readMembers(body, '', ['mode', 'configuration', 'notes']);
  return {
    mode: mode === undefined ? undefined : readChoice(mode, '/mode', MODES),
    configuration: configuration === undefined ? undefined : readTarget(configuration, '/configuration', hasGeo),
    notes: notes === undefined ? undefined : readText(notes, '/notes', 0, 500),
  };
}

function readTarget(configuration: unknown, pointer: string, hasGeo: boolean): AccessTarget {
  const members = readMembers(configuration, pointer, ['target', 'value']);
  const target = readChoice(members.target, at(pointer, 'target'), TARGETS);
  if ((target === 'asn' || target === 'country') && !hasGeo) {
    throw invalid(at(pointer, 'target'), `${target} is not available: there is no geo database to know it from.`);
  }
  const where = at(pointer, 'value');
  return readValue(target, readText(members.value, where, 1, 100), where);
}

function readValue(target: AccessTarget['target'], text: string, pointer: string): AccessTarget {
  switch (target) {
    case 'ip':
    case 'ip6': {
      const value = canonicalAddress(text);
      if (value === null) throw invalid(pointer, 'must be an IP address.');
      return { target: value.includes(':') ? 'ip6' : 'ip', value };
    }
    case 'ip_range': {
      const value = text.includes('/') ? canonicalRange(text) : null;
      if (value === null) throw invalid(pointer, 'must be a CIDR range, without bits behind the prefix.');
      return { target, value };
    }
    case 'asn': {
      const number = /^(?:AS)?(\d{1,10})$/i.exec(text)?.[1];
      if (number === undefined || Number(number) > 4_294_967_295) throw invalid(pointer, 'must be an AS number.');
      return { target, value: `AS${Number(number)}` };
    }
    case 'country': {
      const value = text.toUpperCase();
      if (!/^[A-Z][A-Z0-9]$/.test(value)) throw invalid(pointer, 'must be a country code of two letters (ISO 3166-1).');
      return { target, value };
    }
  }
}
