import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { ApiError, canonicalHostname, entryKey } from '../core/mod.ts';
import type { CredentialRow, Database, Transaction } from '../store/mod.ts';
import { type Context, commit, newId } from './context.ts';
import { insertZone } from './zones.ts';

/** Who a request comes from. */
export interface Principal {
  readonly credentialId: string;
  readonly accountId: string;
  /** For the audit log. */
  readonly actor: string;
  readonly kind: CredentialRow['kind'];
  readonly email: string | null;
}

/** SHA-256 of a credential: all that is kept of it. */
function hashCredential(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** The owner of an API token; null for an unknown one. */
export async function findToken({ store }: Context, token: string): Promise<Principal | null> {
  return await find(store.db, 'token', token);
}

/** The owner of an API key, where the e-mail address belongs to it; null otherwise. */
export async function findKey({ store }: Context, email: string, key: string): Promise<Principal | null> {
  const found = await find(store.db, 'key', key);
  return found?.email?.toLowerCase() === email.toLowerCase() ? found : null;
}

async function find(
  db: Context['store']['db'],
  kind: CredentialRow['kind'],
  secret: string,
): Promise<Principal | null> {
  const row = await db
    .selectFrom('credentials')
    .selectAll()
    .where('kind', '=', kind)
    .where('hash', '=', hashCredential(secret))
    .executeTakeFirst();
  return row
    ? { credentialId: row.id, accountId: row.account_id, actor: `${kind} ${row.name}`, kind, email: row.email }
    : null;
}

/** What `countersign init` can choose; the rest is drawn. */
export interface InitOptions {
  readonly accountId?: string | undefined;
  readonly email?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly apiToken?: string | undefined;
  readonly zones: readonly { readonly name: string; readonly id?: string | undefined }[];
  /**
   * Keeps a token that was given, or drawn for the first account. Called before it is committed: only its hash is
   * stored, so a token that nobody kept is lost.
   */
  readonly keepToken?: ((token: string) => void) | undefined;
}

/** What `init` made or found. Secrets are there only where they were made or given just now. */
export interface InitResult {
  readonly accountId: string;
  readonly email: string;
  readonly apiKey: string | null;
  readonly apiToken: string | null;
  readonly zones: readonly { readonly id: string; readonly name: string }[];
}

const DEFAULT_EMAIL = 'admin@countersign.localhost';
const HEX32 = /^[0-9a-f]{32}$/;
const CAUSE = { actor: 'init', source: '' };

/**
 * Makes the first account, its credentials and zones; with the same options again it changes nothing. Throws `ApiError`
 * where something else is there already.
 */
export async function init(context: Context, options: InitOptions): Promise<InitResult> {
  checkId(options.accountId, 'account id');
  const { result } = await commit(context, CAUSE, async (trx) => {
    const accountId = await ensureAccount(context, trx, options.accountId);
    const email = options.email ?? (await emailOf(trx, accountId)) ?? DEFAULT_EMAIL;
    const apiToken = await ensureCredential(context, trx, {
      accountId,
      kind: 'token',
      given: options.apiToken,
      email: null,
    });
    const apiKey = await ensureCredential(context, trx, { accountId, kind: 'key', given: options.apiKey, email });
    const zones: { id: string; name: string }[] = [];
    for (const zone of options.zones) zones.push(await ensureZone(context, trx, accountId, zone));
    if (apiToken !== null && (options.apiToken !== undefined || (await isFirstAccount(trx, accountId))))
      options.keepToken?.(apiToken);
    return {
      result: { accountId, email, apiKey, apiToken, zones },
      keys: zones.map(({ id }) => entryKey.zone(id)),
      action: 'installation.init',
      target: accountId,
    };
  });
  return result;
}

function checkId(id: string | undefined, what: string): void {
  if (id !== undefined && !HEX32.test(id)) {
    throw new ApiError('field_invalid', {
      message: `The ${what} must be 32 lower-case hexadecimal digits, not "${id}".`,
    });
  }
}

async function accountIds(trx: Transaction<Database>): Promise<string[]> {
  return (await trx.selectFrom('accounts').select('id').orderBy('created_at').execute()).map(({ id }) => id);
}

async function isFirstAccount(trx: Transaction<Database>, id: string): Promise<boolean> {
  return (await accountIds(trx))[0] === id;
}

async function ensureAccount(
  context: Context,
  trx: Transaction<Database>,
  wanted: string | undefined,
): Promise<string> {
  const accounts = await accountIds(trx);
  const found = wanted === undefined ? accounts[0] : accounts.find((id) => id === wanted);
  if (found !== undefined) return found;
  const id = wanted ?? newId(context.random);
  await trx.insertInto('accounts').values({ id, name: 'Countersign', created_at: context.store.now() }).execute();
  return id;
}

async function emailOf(trx: Transaction<Database>, accountId: string): Promise<string | null> {
  const row = await trx
    .selectFrom('credentials')
    .select('email')
    .where('account_id', '=', accountId)
    .where('kind', '=', 'key')
    .executeTakeFirst();
  return row?.email ?? null;
}

interface WantedCredential {
  readonly accountId: string;
  readonly kind: CredentialRow['kind'];
  readonly given: string | undefined;
  readonly email: string | null;
}

/** Returns the secret where it was given or made; null where one was there and none was given. */
async function ensureCredential(
  context: Context,
  trx: Transaction<Database>,
  { accountId, kind, given, email }: WantedCredential,
): Promise<string | null> {
  const rows = await trx.selectFrom('credentials').selectAll().where('kind', '=', kind).execute();
  const own = rows.filter((row) => row.account_id === accountId);
  if (given === undefined && own.length > 0) return null;
  const secret = given ?? newSecret(context, kind);
  const same = rows.find((row) => row.hash === hashCredential(secret));
  if (same !== undefined) {
    if (same.account_id === accountId && same.email?.toLowerCase() === email?.toLowerCase()) return secret;
    throw new ApiError('field_invalid', {
      message: `This API ${kind} belongs to another account or e-mail address already.`,
    });
  }
  const id = newId(context.random);
  await trx
    .insertInto('credentials')
    .values({
      id,
      account_id: accountId,
      kind,
      hash: hashCredential(secret),
      email,
      name: `${kind} ${own.length + 1}`,
      created_at: context.store.now(),
    })
    .execute();
  return secret;
}

/** Tokens: 40 characters of `[0-9A-Za-z_-]`; keys: 40 hexadecimal digits (spec/api.md section 0, row 15). */
function newSecret({ random }: Context, kind: CredentialRow['kind']): string {
  return kind === 'token'
    ? Buffer.from(random.bytes(30)).toString('base64url')
    : Buffer.from(random.bytes(20)).toString('hex');
}

async function ensureZone(
  context: Context,
  trx: Transaction<Database>,
  accountId: string,
  wanted: { readonly name: string; readonly id?: string | undefined },
): Promise<{ id: string; name: string }> {
  checkId(wanted.id, 'zone id');
  const name = canonicalHostname(wanted.name);
  if (name === null) throw new ApiError('zone_invalid', { message: `"${wanted.name}" is not a domain name.` });
  const found = await trx.selectFrom('zones').select(['id', 'account_id']).where('name', '=', name).executeTakeFirst();
  if (found === undefined) {
    await checkFree(trx, wanted.id);
    return await insertZone(context, trx, { accountId, name, id: wanted.id, type: 'full' });
  }
  if (found.account_id !== accountId || (wanted.id !== undefined && wanted.id !== found.id)) {
    throw new ApiError('zone_exists', { message: `The zone ${name} exists already, with another id or account.` });
  }
  return { id: found.id, name };
}

async function checkFree(trx: Transaction<Database>, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const taken = await trx.selectFrom('zones').select('name').where('id', '=', id).executeTakeFirst();
  if (taken)
    throw new ApiError('zone_exists', { message: `The zone id ${id} belongs to the zone ${taken.name} already.` });
}
