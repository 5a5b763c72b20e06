import type { Answer } from './verdict.ts';

/** The answer of a rule that lets nobody pass; `content` is null for the usual page. */
export function blocked(status: number, contentType: string | null, content: string | null): Answer {
  const fields = { 'Cache-Control': 'no-store', ...(contentType === null ? {} : { 'Content-Type': contentType }) };
  return {
    kind: 'answer',
    status,
    fields,
    body: content,
    detail: 'A rule of this site does not let this request pass.',
  };
}
