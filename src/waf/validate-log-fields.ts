import { at, invalid, type JsonObject, readArray, readMembers, readText } from './validate-input.ts';

/**
 * The kinds of fields that a rule can add to the log: what the visitor sent, and what the visitor got. What the origin got and sent is
 * not kept apart from it, so that `transformed_request_fields` and `raw_response_fields` are refused.
 */
const KINDS = ['cookie_fields', 'request_fields', 'response_fields'] as const;

/** Most fields of one kind. */
const MAX_FIELDS = 100;

/** Parameters of `log_custom_field`. */
export function readLogFields(value: unknown, pointer: string): JsonObject {
  const parameters = readMembers(value, pointer, KINDS);
  if (Object.keys(parameters).length === 0) throw invalid(pointer, `must have one of ${KINDS.join(', ')}.`);
  return Object.fromEntries(
    Object.entries(parameters).map(([kind, fields]) => [
      kind,
      readArray(fields, at(pointer, kind), [0, MAX_FIELDS], readField),
    ]),
  );
}

/** Fields that are there several times are always logged whole, so that `preserve_duplicates` would change nothing. */
function readField(value: unknown, pointer: string): JsonObject {
  return { name: readText(readMembers(value, pointer, ['name']).name, at(pointer, 'name'), 1, 128) };
}
