import { at, invalid, readChoice, readFlag, readMembers, readText } from './validate-input.ts';

const MODES = ['block', 'challenge', 'js_challenge', 'managed_challenge'] as const;

/** What a client says of a user-agent rule; undefined where it may say nothing. */
export interface UserAgentRuleInput {
  readonly mode: (typeof MODES)[number];
  readonly userAgent: string;
  readonly description: string | undefined;
  readonly paused: boolean | undefined;
}

/** Reads a user-agent rule (types of the official SDK). Throws `rule_invalid`. */
export function readUserAgentRule(body: unknown): UserAgentRuleInput {
  const { mode, configuration, description, paused } = readMembers(body, '', [
    'id',
    'mode',
    'configuration',
    'description',
    'paused',
  ]);
  const { target, value } = readMembers(configuration, '/configuration', ['target', 'value']);
  readChoice(target, at('/configuration', 'target'), ['ua']);
  return {
    mode: readChoice(mode, '/mode', MODES),
    userAgent: readHeader(value, at('/configuration', 'value')),
    description: description === undefined ? undefined : readText(description, '/description', 0, 1000),
    paused: paused === undefined ? undefined : readFlag(paused, '/paused'),
  };
}

/** A rule for a value that no header can have would never apply. */
function readHeader(value: unknown, pointer: string): string {
  const text = readText(value, pointer, 1, 1024);
  if (/^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text)) return text;
  throw invalid(pointer, 'must be a header value: visible ASCII characters, with blanks only between them.');
}
