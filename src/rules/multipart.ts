/** One part of a multipart body, its fields as they stand in it. */
export interface Part {
  readonly names: readonly string[];
  readonly fileNames: readonly string[];
  readonly contentTypes: readonly string[];
  readonly contentDispositions: readonly string[];
  readonly transferEncodings: readonly string[];
  readonly value: string;
}

/** The most parts that are read of one body. */
const MAX_PARTS = 1000;

/** Reads a multipart body; what comes behind a missing boundary belongs to the last part. No parts where it is none. */
export function readMultipart(contentType: string, body: string): readonly Part[] {
  if (!/^\s*multipart\//i.test(contentType)) return [];
  const boundary = parameterOf(contentType, 'boundary');
  if (boundary === null || boundary === '') return [];
  const delimiter = `--${boundary}`;
  const parts: Part[] = [];
  let at = delimiterFrom(body, delimiter, 0);
  while (at >= 0 && parts.length < MAX_PARTS) {
    const start = at + delimiter.length;
    if (body.startsWith('--', start)) break;
    const lineEnd = body.indexOf('\n', start);
    if (lineEnd < 0) break;
    const next = delimiterFrom(body, delimiter, lineEnd + 1);
    parts.push(readPart(body.slice(lineEnd + 1, next < 0 ? body.length : next), next >= 0));
    at = next;
  }
  return parts;
}

/** A parameter of a field's value (`name=value` or `name="value"` behind a semicolon); null where there is none. */
function parameterOf(value: string, name: string): string | null {
  const pattern = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))/g;
  for (const [, found, quoted, token] of value.matchAll(pattern)) {
    if (found!.toLowerCase() === name) return quoted === undefined ? token! : quoted.replace(/\\(.)/g, '$1');
  }
  return null;
}

/** Where the next delimiter stands at the start of a line. */
function delimiterFrom(body: string, delimiter: string, from: number): number {
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    if (at === 0 || at === from || body[at - 1] === '\n') return at;
  }
  return -1;
}

/** The line end before a delimiter belongs to the delimiter. */
function readPart(text: string, isClosed: boolean): Part {
  const whole = isClosed ? text.replace(/\r?\n$/, '') : text;
  const head = /^(?:\r?\n|[\s\S]*?\r?\n\r?\n)/.exec(text)?.[0] ?? (isClosed ? whole : text);
  const fields = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  const valuesOf = (name: string) =>
    fields
      .filter((line) => line.slice(0, line.indexOf(':')).trim().toLowerCase() === name)
      .map((line) => line.slice(line.indexOf(':') + 1).trim());
  const contentDispositions = valuesOf('content-disposition');
  const parameters = (name: string) =>
    contentDispositions.map((value) => parameterOf(value, name)).filter((value) => value !== null);
  return {
    names: parameters('name'),
    fileNames: parameters('filename'),
    contentTypes: valuesOf('content-type'),
    contentDispositions,
    transferEncodings: valuesOf('content-transfer-encoding'),
    value: whole.slice(head.length),
  };
}
