import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHostPort } from '../config/mod.ts';
import { canonicalHostname, enclosingNames } from '../core/mod.ts';
import { dataPath } from './files.ts';
import { CliError } from './output.ts';

/** Flags of every command that talks to a running control plane. */
export interface ClientFlags {
  readonly api?: string;
  readonly token?: string;
  readonly data?: string;
}

/** A zone as far as the commands need it. */
export interface Zone {
  readonly id: string;
  readonly name: string;
}

interface Envelope {
  readonly success: boolean;
  readonly errors: readonly { readonly code: number; readonly message: string }[];
  readonly result: unknown;
}

/** Talks to a control plane. Errors are `CliError`s that say what to do. */
export class Client {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  /** Calls an endpoint below `/client/v4` and resolves with its `result`. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#fetch(path, {
      method,
      headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope = (await response.json().catch(() => null)) as Envelope | null;
    if (envelope === null)
      throw new CliError(3, `${this.#base} answered ${response.status}, but not as a control plane does: check --api.`);
    if (!envelope.success) {
      const [error] = envelope.errors;
      const auth = response.status === 403 ? ' Check --token, or the token file of the data directory.' : '';
      throw new CliError(
        3,
        `${error?.message ?? 'The control plane refused'} (code ${error?.code ?? response.status}).${auth}`,
      );
    }
    return envelope.result as T;
  }

  /** Opens a stream of events; resolves, once it is open, with the data of each until the control plane ends it. */
  async follow(path: string): Promise<AsyncIterable<string>> {
    const headers = { Authorization: `Bearer ${this.#token}`, Accept: 'text/event-stream' };
    const response = await this.#fetch(path, { headers });
    if (!response.ok || response.body === null) throw new CliError(3, `${this.#base} answered ${response.status}.`);
    return messages(response.body);
  }

  async #fetch(path: string, options: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.#base}${path}`, options);
    } catch {
      throw new CliError(
        3,
        `No control plane answers at ${this.#base}: start one with "countersign up", or name another with --api.`,
      );
    }
  }

  /** The zone that holds a hostname. */
  async zoneOf(hostname: string): Promise<Zone> {
    const name = canonicalHostname(hostname);
    if (name === null) throw new CliError(2, `"${hostname}" is not a hostname.`);
    const zones = await this.call<Zone[]>('GET', '/zones?per_page=1000');
    for (const candidate of enclosingNames(name)) {
      const zone = zones.find((known) => known.name === candidate);
      if (zone !== undefined) return zone;
    }
    throw new CliError(3, `No zone holds ${name}: make one first, with "countersign init --zone NAME" or POST /zones.`);
  }

  /** The zone named, or the only one there is. */
  async zone(name: string | undefined): Promise<Zone> {
    if (name !== undefined) return await this.zoneOf(name);
    const zones = await this.call<Zone[]>('GET', '/zones?per_page=1000');
    if (zones.length === 1) return zones[0]!;
    throw new CliError(
      2,
      zones.length === 0 ? 'There is no zone yet.' : 'There are several zones: name one with --zone.',
    );
  }
}

/** The data of each message of a stream. */
async function* messages(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of body) {
    text += decoder.decode(part, { stream: true });
    const whole = text.split('\n\n');
    text = whole.pop()!;
    for (const message of whole) {
      const data = message.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) yield data.slice('data: '.length);
    }
  }
}

/** The client that flags, environment, or the local data directory describe. */
export function connect(flags: ClientFlags, environment: NodeJS.ProcessEnv = process.env): Client {
  const data = dataPath(flags.data, environment);
  const token = flags.token ?? environment.COUNTERSIGN_TOKEN ?? readText(join(data, 'token'));
  if (token === null)
    throw new CliError(
      3,
      `No token: give --token, set COUNTERSIGN_TOKEN, or name the data directory with --data (no ${join(data, 'token')}).`,
    );
  return new Client(apiUrl(flags, environment), token);
}

/** The URL of the API, `/client/v4` included, that flags, environment, or the local data directory name. */
export function apiUrl(flags: ClientFlags, environment: NodeJS.ProcessEnv = process.env): string {
  const data = dataPath(flags.data, environment);
  const base =
    flags.api ?? environment.COUNTERSIGN_API ?? readText(join(data, 'api')) ?? 'http://127.0.0.1:7070/client/v4';
  // COUNTERSIGN_API says HOST:PORT where it is meant for `up`.
  const url = parseHostPort(base) === null ? base : `http://${base}`;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new CliError(2, `--api must be a URL, as http://127.0.0.1:7070, not "${base}".`);
  const trimmed = url.replace(/\/+$/, '');
  return trimmed.endsWith('/client/v4') ? trimmed : `${trimmed}/client/v4`;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
