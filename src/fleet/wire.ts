import type { Socket } from 'node:net';
import type {
  Delta,
  OriginProof,
  RateAsk,
  RateGrant,
  RateReturn,
  SecurityEvent,
  ServerAlgorithm,
  SnapshotEntry,
} from '../core/mod.ts';
import type { CounterReport } from '../observe/mod.ts';

/** What a worker says. */
export type WorkerMessage =
  /** First message: the last change it has (0 for none). */
  | { readonly type: 'subscribe'; readonly last: number; readonly pid: number }
  /** Everything up to this change is in use. */
  | { readonly type: 'acknowledge'; readonly number: number }
  /** Its listeners are bound. */
  | { readonly type: 'ready'; readonly https: string; readonly http: string }
  /** Its listeners are closed; it serves on whoever is connected. */
  | { readonly type: 'draining' }
  /** A visitor asks for a hostname that has no certificate (of that algorithm) yet. */
  | {
      readonly type: 'certificate_wanted';
      readonly request: number;
      readonly hostname: string;
      readonly algorithm: ServerAlgorithm;
    }
  /** Questions to the counters of rate limits, and shares of them that it gives back, which come first. */
  | { readonly type: 'rate'; readonly asks: readonly RateAsk[]; readonly returns: readonly RateReturn[] }
  /** Security events since the last time, and how many more there were than it could keep. */
  | { readonly type: 'events'; readonly events: readonly SecurityEvent[]; readonly dropped: number }
  /** What it found out about origins since the last time. */
  | { readonly type: 'origin_proofs'; readonly proofs: readonly OriginProof[] }
  /** What it counted since the last time: every second, and where asked (`request`, else 0). */
  | { readonly type: 'counted'; readonly request: number; readonly report: CounterReport };

/** What the control plane says. A snapshot comes in parts; the last one has `more: false`. */
export type ControlMessage =
  | {
      readonly type: 'snapshot';
      readonly number: number;
      readonly entries: readonly SnapshotEntry[];
      readonly more: boolean;
    }
  | { readonly type: 'delta'; readonly delta: Delta }
  /** The answer to `certificate_wanted`; the certificate itself came before, as a delta. */
  | { readonly type: 'certificate'; readonly request: number; readonly found: boolean }
  /** What the keys of session tickets are derived from, base64, the newest first. Comes before the first state. */
  | { readonly type: 'ticket_secrets'; readonly secrets: readonly string[] }
  /** Answers to questions of `rate`, each as soon as it is known. */
  | { readonly type: 'rated'; readonly grants: readonly RateGrant[] }
  /** Asks for the share of a counter: `rate` with it in `returns`. */
  | { readonly type: 'rate_recall'; readonly key: string }
  /** What another worker found out about origins. */
  | { readonly type: 'origin_proofs'; readonly proofs: readonly OriginProof[] }
  /** Asks for `counted`. */
  | { readonly type: 'count'; readonly request: number };

const MAX_LINE = 256 * 1024 * 1024;

/** Writes one message as a line of JSON. */
export function sendMessage(socket: Socket, message: WorkerMessage | ControlMessage): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `receive` for each line of JSON that comes; destroys the socket on anything else. */
export function receiveMessages<M>(socket: Socket, receive: (message: M) => void): void {
  let parts: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  socket.on('data', (text) => {
    let from = 0;
    const data = String(text);
    for (let end = data.indexOf('\n'); end >= 0; end = data.indexOf('\n', from)) {
      parts.push(data.slice(from, end));
      from = end + 1;
      const line = parts.join('');
      parts = [];
      length = 0;
      let message: M;
      try {
        message = JSON.parse(line) as M;
      } catch {
        socket.destroy();
        return;
      }
      receive(message);
    }
    parts.push(data.slice(from));
    length += data.length - from;
    if (length > MAX_LINE) socket.destroy();
  });
}
