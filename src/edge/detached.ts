import { Buffer } from 'node:buffer';

/**
 * The same latin1 text in memory of its own. A text that was cut out of a message's head keeps the whole head alive,
 * which is not for what lives as long as a connection, or a worker.
 */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
