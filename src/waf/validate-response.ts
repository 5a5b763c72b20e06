import { at, given, invalid, type JsonObject, readChoice, readMembers, readText, readWhole } from './validate-input.ts';

const CONTENT_TYPES = ['application/json', 'text/html', 'text/plain', 'text/xml'] as const;

/** Longest body of a response of one's own, in bytes (spec/waf.md 1.5). */
const MAX_CONTENT = 30 * 1024;

/** Parameters of `block` (spec/origin-pulls.md 7.2). */
export function readBlock(value: unknown, pointer: string): JsonObject {
  const { response } = readMembers(value, pointer, ['response']);
  if (response === undefined) return {};
  const where = at(pointer, 'response');
  const { status_code, content_type, content } = readMembers(response, where, [
    'status_code',
    'content_type',
    'content',
  ]);
  return {
    response: {
      status_code: readWhole(status_code, at(where, 'status_code'), 400, 499),
      content_type: readChoice(content_type, at(where, 'content_type'), CONTENT_TYPES),
      content: readContent(content, at(where, 'content')),
    },
  };
}

/** Parameters of `serve_error`. Custom assets are not kept here. */
export function readServeError(value: unknown, pointer: string): JsonObject {
  const parameters = readMembers(value, pointer, ['content', 'content_type', 'status_code']);
  const { content, content_type, status_code } = parameters;
  return given({
    content: readContent(content, at(pointer, 'content')),
    content_type:
      content_type === undefined ? undefined : readChoice(content_type, at(pointer, 'content_type'), CONTENT_TYPES),
    status_code: status_code === undefined ? undefined : readWhole(status_code, at(pointer, 'status_code'), 400, 599),
  });
}

function readContent(value: unknown, pointer: string): string {
  const text = readText(value, pointer, 1, MAX_CONTENT);
  if (new TextEncoder().encode(text).length > MAX_CONTENT) throw invalid(pointer, `is over ${MAX_CONTENT} bytes.`);
  return text;
}
