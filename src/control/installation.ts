import { entryKey } from '../core/mod.ts';
import type { SharedLeafRow } from '../store/mod.ts';
import {
  type IssueOptions,
  issueOriginPullCa,
  issueRoot,
  issueSharedLeaf,
  needsRenewal,
  readCertificate,
  seal,
  unseal,
} from '../x509/mod.ts';
import { type Context, commit, newId, SYSTEM } from './context.ts';

/** The installation's public certificates, PEM. */
export interface Installation {
  readonly id: string;
  readonly root: string;
  /** The root of the certificates for visitors who cannot do ECDSA. */
  readonly rsaRoot: string;
  readonly originPullCa: string;
}

/** Makes root, origin-pull CA and the first shared leaf where they are missing. Throws `SealError` where the master key is not the one they were sealed with. */
export async function bootstrap(context: Context): Promise<Installation> {
  const { store, masterKey } = context;
  const found = await store.db.selectFrom('installation').selectAll().executeTakeFirst();
  if (found) {
    unseal(masterKey, found.root_key, 'installation:root');
    return {
      id: found.id,
      root: found.root_certificate,
      rsaRoot: found.rsa_root_certificate ?? (await addRsaRoot(context, found.id)),
      originPullCa: found.origin_pull_certificate,
    };
  }
  const id = newId(context.random);
  const options = issueOptions(context, id);
  const [root, rsaRoot, ca] = await Promise.all([
    issueRoot(options, 'ecdsa'),
    issueRoot(options, 'rsa'),
    issueOriginPullCa(options),
  ]);
  const leaf = await sharedLeaf(context, ca, id);
  await context.store.mutate(SYSTEM, async (trx) => {
    const sealed = (text: string, what: string) => seal(masterKey, text, what, context.random.bytes);
    await trx
      .insertInto('installation')
      .values({
        id,
        root_certificate: root.certificate,
        root_key: sealed(root.privateKey, 'installation:root'),
        rsa_root_certificate: rsaRoot.certificate,
        rsa_root_key: sealed(rsaRoot.privateKey, 'installation:rsa-root'),
        origin_pull_certificate: ca.certificate,
        origin_pull_key: sealed(ca.privateKey, 'installation:origin-pull'),
        shared_identity_id: leaf.id,
      })
      .execute();
    // No worker runs yet that could lack it.
    await trx
      .insertInto('shared_leaves')
      .values({ ...leaf, status: 'active', deployed_at: leaf.created_at, pending_change: null })
      .execute();
    return {
      result: null,
      keys: [entryKey.installation, entryKey.identity(leaf.id)],
      action: 'installation.create',
      target: id,
    };
  });
  return { id, root: root.certificate, rsaRoot: rsaRoot.certificate, originPullCa: ca.certificate };
}

/** Makes the RSA root of an installation that an earlier version made. Resolves with its certificate. */
async function addRsaRoot(context: Context, id: string): Promise<string> {
  const root = await issueRoot(issueOptions(context, id), 'rsa');
  const key = seal(context.masterKey, root.privateKey, 'installation:rsa-root', context.random.bytes);
  await context.store.mutate(SYSTEM, async (trx) => {
    await trx.updateTable('installation').set({ rsa_root_certificate: root.certificate, rsa_root_key: key }).execute();
    return { result: null, keys: [], action: 'installation.add_rsa_root', target: id };
  });
  return root.certificate;
}

/** What issuing needs, from the context. */
export function issueOptions({ clock, random }: Context, installationId: string): IssueOptions {
  return { now: clock.now(), randomBytes: random.bytes, installationId };
}

/** The row of a new shared leaf, not deployed yet. */
async function sharedLeaf(
  context: Context,
  ca: { certificate: string; privateKey: string },
  installationId: string,
): Promise<SharedLeafRow> {
  const leaf = await issueSharedLeaf(ca, issueOptions(context, installationId));
  const facts = readCertificate(leaf.certificate);
  const id = `shared-${facts.fingerprint.slice(0, 16)}`;
  return {
    id,
    certificate: leaf.certificate,
    private_key: seal(context.masterKey, leaf.privateKey, `identity:${id}`, context.random.bytes),
    status: 'pending_deployment',
    not_before: facts.notBefore * 1000,
    not_after: facts.notAfter * 1000,
    created_at: context.store.now(),
    deployed_at: null,
    pending_change: null,
  };
}

/**
 * Renews the shared leaf before it ends: the new one is handed to all workers first, then the global level switches
 * over, then the old one goes. Goes on where an earlier call stopped. True where it switched.
 */
export async function renewSharedLeaf(context: Context): Promise<boolean> {
  const { store } = context;
  const installation = await store.db.selectFrom('installation').selectAll().executeTakeFirstOrThrow();
  const leaves = await store.db.selectFrom('shared_leaves').selectAll().execute();
  const current = leaves.find(({ id }) => id === installation.shared_identity_id)!;
  if (!needsRenewal(current.not_before, current.not_after, store.now())) return false;
  const next = leaves.find(({ status }) => status === 'pending_deployment') ?? (await addLeaf(context, installation));
  const { deployed } = await commit(context, SYSTEM, async () => ({
    result: null,
    keys: [entryKey.identity(next.id)],
    action: 'shared_leaf.deploy',
    target: next.id,
  }));
  if (!deployed) return false;
  await commit(context, SYSTEM, async (trx) => {
    await trx
      .updateTable('shared_leaves')
      .set({ status: 'active', deployed_at: store.now() })
      .where('id', '=', next.id)
      .execute();
    await trx.updateTable('installation').set({ shared_identity_id: next.id }).execute();
    await trx.updateTable('shared_leaves').set({ status: 'deleted' }).where('id', '=', current.id).execute();
    const keys = [entryKey.identity(next.id), entryKey.installation, entryKey.identity(current.id)];
    return { result: null, keys, action: 'shared_leaf.switch', target: next.id };
  });
  return true;
}

async function addLeaf(
  context: Context,
  installation: { id: string; origin_pull_certificate: string; origin_pull_key: string },
): Promise<SharedLeafRow> {
  const privateKey = unseal(context.masterKey, installation.origin_pull_key, 'installation:origin-pull');
  const leaf = await sharedLeaf(
    context,
    { certificate: installation.origin_pull_certificate, privateKey },
    installation.id,
  );
  await context.store.mutate(SYSTEM, async (trx) => {
    await trx.insertInto('shared_leaves').values(leaf).execute();
    return { result: null, keys: [], action: 'shared_leaf.create', target: leaf.id };
  });
  return leaf;
}
