import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../platform/mod.ts';
import type { Client } from '../client.ts';
import { CliError } from '../output.ts';
import type { Certificate } from './cert.ts';

/** What a rotation did. */
export interface Rotation {
  readonly id: string;
  readonly replaced: string;
  /** That point to the new certificate now; none for the zone store. */
  readonly hostnames: readonly string[];
}

interface Association {
  readonly hostname: string;
  readonly cert_id: string;
  readonly enabled: boolean;
}

const ACTIVE_WITHIN = 30_000;
const ASK_EVERY = 250;
const PAGE = 1000;

/**
 * Puts a new certificate in the place of an old one, so that at no time an origin pull lacks a deployed one: the old
 * one goes last. `path` is the store's.
 */
export async function rotate(
  client: Client,
  path: string,
  oldId: string,
  upload: { readonly certificate: string; readonly private_key: string },
): Promise<Rotation> {
  const old = await client.call<Certificate>('GET', `${path}/${encodeURIComponent(oldId)}`);
  if (old.status !== 'active')
    throw new CliError(3, `${oldId} is ${old.status}: only a certificate in use can be rotated. Upload the new one.`);
  const { id } = await client.call<Certificate>('POST', path, upload);
  await untilActive(client, path, id, oldId);
  const hostnames = path.endsWith('/hostnames/certificates')
    ? await repoint(client, path.slice(0, -'/certificates'.length), old.id, id)
    : [];
  await client.call('DELETE', `${path}/${old.id}`);
  return { id, replaced: old.id, hostnames };
}

async function untilActive(client: Client, path: string, id: string, oldId: string): Promise<void> {
  const end = systemClock.now() + ACTIVE_WITHIN;
  for (;;) {
    const { status } = await client.call<Certificate>('GET', `${path}/${id}`);
    if (status === 'active') return;
    if (systemClock.now() > end)
      throw new CliError(
        3,
        `The new certificate ${id} is ${status}, so ${oldId} stays: delete one when it is clear why.`,
      );
    await setTimeout(ASK_EVERY);
  }
}

/** Points all hostnames of one certificate to another, in one change. */
async function repoint(client: Client, path: string, from: string, to: string): Promise<string[]> {
  const affected: Association[] = [];
  for (let page = 1, size = PAGE; size === PAGE; page++) {
    const rows = await client.call<Association[]>('GET', `${path}?status=all&per_page=${PAGE}&page=${page}`);
    affected.push(...rows.filter(({ cert_id }) => cert_id === from));
    size = rows.length;
  }
  if (affected.length > 0) {
    const config = affected.map(({ hostname, enabled }) => ({ hostname, cert_id: to, enabled }));
    await client.call('PUT', path, { config });
  }
  return affected.map(({ hostname }) => hostname);
}
