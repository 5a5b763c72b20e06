import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, findZone } from '../control/mod.ts';
import { ApiError } from '../core/mod.ts';
import type { Call } from './types.ts';

type ZoneRow = NonNullable<Awaited<ReturnType<typeof findZone>>>;

/** The zone that a path names, where it belongs to whoever asks. Throws `zone_not_found` and `unauthorized`. */
export async function zoneOf(context: Context, call: Call): Promise<ZoneRow> {
  const id = call.req.param('zone_id') ?? '';
  const zone = /^[0-9a-f]{32}$/.test(id) ? await findZone(context, id) : undefined;
  if (zone === undefined) {
    throw new ApiError('zone_not_found', {
      message: `Could not route to ${call.req.path}, perhaps your object identifier is invalid?`,
    });
  }
  if (zone.account_id !== call.get('principal').accountId) throw new ApiError('unauthorized');
  return zone;
}

/** Who asks and from where, for the audit log. */
export function causeOf(call: Call): { actor: string; source: string } {
  return { actor: call.get('principal').actor, source: remoteAddress(call) };
}

function remoteAddress(call: Call): string {
  // Requests that come without a socket (in-process) have none.
  return call.env === undefined || !('incoming' in (call.env as object))
    ? ''
    : (getConnInfo(call).remote.address ?? '');
}
