import { at, invalid, readChoice, readMembers, readText } from './validate-input.ts';

/** What a client says of a new list. */
export interface ListInput {
  /** What expressions call it, without `$`. */
  readonly name: string;
  readonly kind: 'ip' | 'hostname' | 'asn';
  readonly description: string;
}

const KINDS = ['ip', 'hostname', 'asn'] as const;

/** Reads a new list. Throws `rule_invalid`. */
export function readList(body: unknown): ListInput {
  const { name, kind, description } = readMembers(body, '', ['name', 'kind', 'description']);
  if (kind === 'redirect') {
    throw invalid(
      '/kind',
      'lists of redirects are not available: write redirect rules (http_request_dynamic_redirect).',
    );
  }
  return {
    name: readName(name),
    kind: readChoice(kind, '/kind', KINDS),
    description: readDescription(description),
  };
}

/** Reads a change of a list: all but the description stays as it is. Throws `rule_invalid`. */
export function readListDescription(body: unknown): {
  readonly description: string;
  readonly name: unknown;
  readonly kind: unknown;
} {
  const { description, name, kind } = readMembers(body, '', ['description', 'name', 'kind']);
  return { description: readDescription(description), name, kind };
}

function readName(value: unknown): string {
  const name = readText(value, '/name', 1, 50);
  if (/^[a-z0-9_]+$/.test(name)) return name;
  throw invalid('/name', 'must have only lower-case letters, digits and underscores: rules call it $name.');
}

function readDescription(value: unknown): string {
  return value === undefined ? '' : readText(value, at('', 'description'), 0, 500);
}
