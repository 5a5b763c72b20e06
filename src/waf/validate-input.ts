import { type ApiCodeName, ApiError } from '../core/mod.ts';

/** A JSON object of a request's body. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The error about what stands at a JSON pointer (RFC 6901); its message names the place too. */
export function invalid(pointer: string, reason: string, kind: ApiCodeName = 'rule_invalid'): ApiError {
  const name = pointer.slice(1).split('/').map(unescaped).join('.');
  return new ApiError(kind, { message: `${name === '' ? 'The body' : name}: ${reason}`, pointer });
}

/** The pointer of a member of what stands at `pointer`. */
export function at(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** An object. Throws `rule_invalid`. */
export function readObject(value: unknown, pointer: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(pointer, 'must be an object.');
  return value as JsonObject;
}

/**
 * An object that has no members but those of `known`: others would be stored and ignored. A member that is null says nothing, and
 * is left out: that is how some clients write what is not there. Throws `rule_invalid`.
 */
export function readMembers(value: unknown, pointer: string, known: readonly string[]): JsonObject {
  const members = Object.entries(readObject(value, pointer)).filter(([, member]) => member !== null);
  const unknown = members.map(([key]) => key).find((key) => !known.includes(key));
  if (unknown === undefined) return Object.fromEntries(members);
  const others = known.length === 0 ? 'this takes no members' : `only ${known.join(', ')} can be given here`;
  throw invalid(at(pointer, unknown), `is not supported: ${others}.`);
}

/** An array of at most `most` members, each read by `read`. Throws `rule_invalid`. */
export function readArray<T>(
  value: unknown,
  pointer: string,
  [least, most]: readonly [number, number],
  read: (item: unknown, pointer: string) => T,
): T[] {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    throw invalid(pointer, `must be an array of ${least} to ${most} members.`);
  }
  return value.map((item, index) => read(item, at(pointer, index)));
}

/** A text of some length. Throws `rule_invalid`. */
export function readText(value: unknown, pointer: string, least: number, most: number): string {
  if (typeof value !== 'string' || value.length < least || value.length > most || !value.isWellFormed()) {
    throw invalid(pointer, `must be a text of ${least} to ${most} characters.`);
  }
  return value;
}

/** One of some texts or numbers. Throws `rule_invalid`. */
export function readChoice<T extends string | number>(value: unknown, pointer: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === value);
  if (choice === undefined) throw invalid(pointer, `must be one of ${choices.join(', ')}.`);
  return choice;
}

/** True or false. Throws `rule_invalid`. */
export function readFlag(value: unknown, pointer: string): boolean {
  if (typeof value !== 'boolean') throw invalid(pointer, 'must be true or false.');
  return value;
}

/** A whole number in a range. Throws `rule_invalid`. */
export function readWhole(value: unknown, pointer: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw invalid(pointer, `must be a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** The members of `values` that are not undefined. */
export function given(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
