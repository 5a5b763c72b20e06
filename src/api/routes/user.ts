import type { Hono } from 'hono';
import { ApiError } from '../../core/mod.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { page } from '../paging.ts';
import type { ApiEnvironment, ApiOptions } from '../types.ts';

/** `/user`, `/user/tokens/verify` and `/accounts` (spec/api.md 2.4). */
export function userRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  app.get('/client/v4/user/tokens/verify', (call) => {
    const { kind, credentialId } = call.get('principal');
    if (kind !== 'token') throw new ApiError('authentication');
    const message = { code: 10000, message: 'This API Token is valid and active', type: null };
    return success(call, { id: credentialId, status: 'active' }, undefined, [message]);
  });
  app.get('/client/v4/user', (call) => {
    const { accountId, email } = call.get('principal');
    return success(call, {
      id: accountId,
      email,
      first_name: null,
      last_name: null,
      two_factor_authentication_enabled: false,
      suspended: false,
    });
  });
  app.get('/client/v4/accounts', async (call) => {
    const { items, info } = page(call, await accounts(call.get('principal').accountId), {
      fallback: 20,
      min: 1,
      max: 50,
    });
    return success(call, items, info);
  });
  app.get('/client/v4/accounts/:account_id', async (call) => {
    const { accountId } = call.get('principal');
    if (call.req.param('account_id') !== accountId) throw new ApiError('unauthorized');
    return success(call, (await accounts(accountId))[0]);
  });

  async function accounts(id: string): Promise<object[]> {
    const rows = await context.store.db.selectFrom('accounts').selectAll().where('id', '=', id).execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      type: 'standard',
      settings: { enforce_twofactor: false },
      created_on: formatMicroseconds(row.created_at),
    }));
  }
}
