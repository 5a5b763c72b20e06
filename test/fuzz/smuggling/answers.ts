/** One final answer as a visitor got it. */
export interface Answer {
  readonly status: number;
  /** The edge's id of the request. */
  readonly ray: string | null;
  /** The id that the origin says it answers: null where there is none, or it is empty. */
  readonly originRay: string | null;
  readonly body: string;
  readonly isComplete: boolean;
}

/**
 * Takes a visitor's bytes apart into answers. `methodOf` tells the method of the request that a ray id stands for.
 * Throws where the bytes are no answers.
 */
export function readAnswers(bytes: string, methodOf: (ray: string) => string | undefined): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    const head = bytes.slice(at, end < 0 ? bytes.length : end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0);
    if (status === 0 && end >= 0) throw new Error(`not an answer: ${JSON.stringify(bytes.slice(at, at + 200))}`);
    if (end < 0) {
      answers.push({ status, ray: null, originRay: null, body: '', isComplete: false });
      break;
    }
    at = end + 4;
    if (status < 200) continue;
    const ray = field(head, 'CF-Ray');
    const method = ray === null ? undefined : methodOf(ray);
    const { body, length, isComplete } = readBody(
      bytes,
      at,
      head,
      method === 'HEAD' || status === 204 || status === 304,
    );
    answers.push({ status, ray, originRay: field(head, 'X-Ray'), body, isComplete });
    at += length;
  }
  return answers;
}

function field(head: string, name: string): string | null {
  const found = [...head.matchAll(new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'gi'))].map(([, value]) => value!);
  if (found.length > 1) throw new Error(`${name} comes ${found.length} times: ${JSON.stringify(head)}`);
  return found[0] || null;
}

interface Body {
  readonly body: string;
  readonly length: number;
  readonly isComplete: boolean;
}

function readBody(bytes: string, at: number, head: string, isBodiless: boolean): Body {
  if (isBodiless) return { body: '', length: 0, isComplete: true };
  const declared = field(head, 'Content-Length');
  if (field(head, 'Transfer-Encoding') !== null) {
    if (declared !== null) throw new Error(`two lengths: ${JSON.stringify(head)}`);
    return readChunks(bytes, at);
  }
  const rest = bytes.length - at;
  const length = declared === null ? rest : Math.min(rest, Number(declared));
  return { body: bytes.slice(at, at + length), length, isComplete: declared === null || length === Number(declared) };
}

function readChunks(bytes: string, start: number): Body {
  let body = '';
  for (let at = start; ; ) {
    const line = /^([0-9a-f]+)\r\n/.exec(bytes.slice(at, at + 20));
    if (line === null) return { body, length: bytes.length - start, isComplete: false };
    at += line[0].length;
    const size = Number.parseInt(line[1]!, 16);
    if (size === 0) {
      const end = bytes.indexOf('\r\n', at);
      if (end !== at) throw new Error('a trailer that no origin sent');
      return { body, length: end + 2 - start, isComplete: true };
    }
    body += bytes.slice(at, at + size);
    at += size + 2;
    if (at > bytes.length) return { body, length: bytes.length - start, isComplete: false };
  }
}
