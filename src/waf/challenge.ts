import { Buffer } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Actions that ask a visitor for proof of work instead of an answer. */
export const CHALLENGES = ['managed_challenge', 'js_challenge', 'challenge'] as const;

/** One of `CHALLENGES`. */
export type ChallengeAction = (typeof CHALLENGES)[number];

/** Leading zero bits that the hash must have: each costs a visitor twice the work of the one before. */
const BITS: Readonly<Record<ChallengeAction, number>> = { managed_challenge: 13, js_challenge: 14, challenge: 16 };

/** Where a visitor's browser brings its work. Never reaches an origin. */
export const CHALLENGE_PATH = '/cdn-cgi/countersign/challenge';

/** The cookie that says that its visitor did the work. */
export const CLEARANCE_COOKIE = 'cf_clearance';

const TASK_LIFE = 5 * 60_000;
const CLEARANCE_LIFE = 30 * 60_000;

/** Whom a task or clearance is for: nobody else can use it. */
export interface ChallengedVisitor {
  readonly zoneId: string;
  readonly address: string;
  readonly userAgent: string;
}

/** What a solved task gives. */
export interface Clearance {
  readonly cookie: string;
  /** Seconds. */
  readonly maxAge: number;
}

/** The key of tasks and clearances, made of a secret that all workers have for something else. */
export function challengeKey(secret: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update('countersign challenge').digest();
}

/** Gives out tasks and clearances, and takes them back. They are signed, so that no worker remembers any. */
export class Challenges {
  readonly #now: () => number;
  /** The newest first. */
  #keys: readonly Uint8Array[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes the keys in force, the newest first. */
  useKeys(keys: readonly Uint8Array[]): void {
    this.#keys = keys;
  }

  /** A task for a visitor; null where there is no key to sign it with. */
  task(action: ChallengeAction, visitor: ChallengedVisitor): { readonly token: string; readonly bits: number } | null {
    const token = this.#sign('task', BITS[action], TASK_LIFE, visitor);
    return token === null ? null : { token, bits: BITS[action] };
  }

  /** The clearance for a solved task; null where it is not solved, not this visitor's, or too old. */
  solve(token: string, nonce: string, visitor: ChallengedVisitor): Clearance | null {
    const bits = this.#verify('task', token, visitor);
    if (bits === null || !/^\d{1,15}$/.test(nonce) || leadingZeroBits(`${token}:${nonce}`) < bits) return null;
    const cookie = this.#sign('clearance', bits, CLEARANCE_LIFE, visitor);
    return cookie === null ? null : { cookie, maxAge: CLEARANCE_LIFE / 1000 };
  }

  /** Whether a `Cookie` field holds a clearance for at least this challenge. */
  isCleared(action: ChallengeAction, cookies: string, visitor: ChallengedVisitor): boolean {
    for (const part of cookies.split(';')) {
      const [name, value] = part.trim().split('=');
      if (name !== CLEARANCE_COOKIE || value === undefined) continue;
      const bits = this.#verify('clearance', value, visitor);
      if (bits !== null && bits >= BITS[action]) return true;
    }
    return false;
  }

  #sign(kind: string, bits: number, life: number, visitor: ChallengedVisitor): string | null {
    const [key] = this.#keys;
    if (key === undefined) return null;
    const expires = Math.floor((this.#now() + life) / 1000);
    return `${expires}.${bits}.${mac(key, kind, expires, bits, visitor).toString('base64url')}`;
  }

  /** The bits that a signed text stands for; null where it is not one of ours, not this visitor's, or too old. */
  #verify(kind: string, text: string, visitor: ChallengedVisitor): number | null {
    const parts = /^(\d{1,12})\.(\d{1,2})\.([\w-]{43})$/.exec(text);
    if (parts === null) return null;
    const [expires, bits] = [Number(parts[1]), Number(parts[2])];
    if (expires * 1000 <= this.#now()) return null;
    const given = Buffer.from(parts[3]!, 'base64url');
    const isOurs = this.#keys.some((key) => timingSafeEqual(mac(key, kind, expires, bits, visitor), given));
    return isOurs ? bits : null;
  }
}

function mac(key: Uint8Array, kind: string, expires: number, bits: number, visitor: ChallengedVisitor): Buffer {
  const { zoneId, address, userAgent } = visitor;
  const text = JSON.stringify([kind, expires, bits, zoneId, address, userAgent]);
  return createHmac('sha256', key).update(text).digest();
}

function leadingZeroBits(text: string): number {
  const digest = createHash('sha256').update(text).digest();
  const byte = digest.findIndex((value) => value !== 0);
  return byte < 0 ? 256 : byte * 8 + Math.clz32(digest[byte]!) - 24;
}

/** A path to send a visitor back to: one of the same host, whatever was asked. */
export function returnPath(path: string | null): string {
  return path !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/';
}

/** The page that does the work. It loads nothing from anywhere. */
export function challengePage(task: { readonly token: string; readonly bits: number }, rayId: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Just a moment</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:12vh auto;padding:0 1rem;color:#222;background:#fff}h1{font-size:1.6rem;margin:0 0 .5rem}footer{margin-top:2rem;color:#666}</style>
</head>
<body>
<h1>Just a moment</h1>
<p id="say" role="status">Your browser is doing a little work to show that it is one. This takes some seconds.</p>
<noscript><p>This needs JavaScript. Switch it on and load the page again.</p></noscript>
<footer>Ray ID: <code>${rayId}</code></footer>
<script>
(async () => {
  const say = (text) => { document.getElementById('say').textContent = text; };
  if (!globalThis.crypto || !crypto.subtle) {
    say('Your browser does this over https only.');
    if (location.protocol === 'http:') location.protocol = 'https:';
    return;
  }
  const token = '${task.token}', bits = ${task.bits}, text = new TextEncoder();
  const isDone = (hash) => {
    const view = new DataView(hash);
    return Math.clz32(view.getUint32(0)) >= bits;
  };
  for (let nonce = 0; ; nonce++) {
    if (!isDone(await crypto.subtle.digest('SHA-256', text.encode(token + ':' + nonce)))) continue;
    const to = location.pathname + location.search;
    location.replace('${CHALLENGE_PATH}?token=' + token + '&nonce=' + nonce + '&to=' + encodeURIComponent(to));
    return;
  }
})();
</script>
</body>
</html>
`;
}
