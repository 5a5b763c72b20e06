import { entryKey, type ServerAlgorithm, type SnapshotIndex } from '../core/mod.ts';
import { issueServerCertificate, needsRenewal, readCertificate, seal, unseal } from '../x509/mod.ts';
import { type Context, commit, SYSTEM } from './context.ts';
import { issueOptions } from './installation.ts';

/** How many rows one statement names: databases bound it. The rest goes the next time. */
const BATCH = 1000;

/** Certificates that visitors see: signed by the installation's root on first use, renewed in time. */
export class ServerCertificates {
  readonly #context: Context;
  /** One issue an entry, however many ask at once. */
  readonly #issuing = new Map<string, Promise<boolean>>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Makes sure that a name (a canonical hostname, or `*.parent`) has a certificate of the algorithm, published. False for
   * one that is not ours to serve.
   */
  ensure(hostname: string, algorithm: ServerAlgorithm): Promise<boolean> {
    const key = entryKey.serverCertificate(hostname, algorithm);
    const running = this.#issuing.get(key);
    if (running !== undefined) return running;
    const issuing = this.#ensure(hostname, algorithm).finally(() => this.#issuing.delete(key));
    this.#issuing.set(key, issuing);
    return issuing;
  }

  /** Issues anew what is due and still served, and removes what ended and is not. Resolves with the hostnames renewed. */
  async renew(): Promise<string[]> {
    const { store, distribution } = this.#context;
    const rows = await store.db
      .selectFrom('server_certificates')
      .select(['hostname', 'algorithm', 'not_before', 'not_after'])
      .execute();
    const due = rows.filter(
      (row) => needsRenewal(row.not_before, row.not_after, store.now()) && isServed(distribution.index, row.hostname),
    );
    for (const { hostname, algorithm } of due) await this.#issue(hostname, algorithm);
    const ended = rows.filter((row) => row.not_after < store.now() && !isServed(distribution.index, row.hostname));
    if (ended.length > 0) await this.#remove([...new Set(ended.slice(0, BATCH).map(({ hostname }) => hostname))]);
    return due.map(({ hostname }) => hostname);
  }

  /** A certificate for a listener of the control plane itself. */
  async issueFor(
    names: readonly string[],
    algorithm: ServerAlgorithm = 'ecdsa',
  ): Promise<{ certificate: string; privateKey: string }> {
    const { store, masterKey } = this.#context;
    const row = await store.db.selectFrom('installation').selectAll().executeTakeFirstOrThrow();
    const root =
      algorithm === 'ecdsa'
        ? { certificate: row.root_certificate, privateKey: unseal(masterKey, row.root_key, 'installation:root') }
        : {
            certificate: row.rsa_root_certificate!,
            privateKey: unseal(masterKey, row.rsa_root_key!, 'installation:rsa-root'),
          };
    return await issueServerCertificate(root, names, issueOptions(this.#context, row.id), algorithm);
  }

  async #ensure(hostname: string, algorithm: ServerAlgorithm): Promise<boolean> {
    const { store, distribution } = this.#context;
    if (!isServed(distribution.index, hostname)) return false;
    const found = await store.db
      .selectFrom('server_certificates')
      .selectAll()
      .where('hostname', '=', hostname)
      .where('algorithm', '=', algorithm)
      .executeTakeFirst();
    if (found && found.not_after > store.now()) {
      await distribution.deployed(await store.lastChange(), 1000);
      return true;
    }
    await this.#issue(hostname, algorithm);
    return true;
  }

  /** Of both algorithms: what is not served any more is not either way. */
  async #remove(hostnames: readonly string[]): Promise<void> {
    await commit(this.#context, SYSTEM, async (trx) => {
      await trx.deleteFrom('server_certificates').where('hostname', 'in', hostnames).execute();
      return {
        result: null,
        keys: hostnames.flatMap((hostname) => [
          entryKey.serverCertificate(hostname, 'ecdsa'),
          entryKey.serverCertificate(hostname, 'rsa'),
        ]),
        action: 'server_certificate.remove',
        target: hostnames.join(' '),
      };
    });
  }

  async #issue(hostname: string, algorithm: ServerAlgorithm): Promise<void> {
    const { masterKey, random } = this.#context;
    const key = entryKey.serverCertificate(hostname, algorithm);
    const { certificate, privateKey } = await this.issueFor([hostname], algorithm);
    const { notBefore, notAfter } = readCertificate(certificate);
    const row = {
      hostname,
      algorithm,
      certificate,
      private_key: seal(masterKey, privateKey, key, random.bytes),
      not_before: notBefore * 1000,
      not_after: notAfter * 1000,
    };
    await commit(this.#context, SYSTEM, async (trx) => {
      await trx
        .insertInto('server_certificates')
        .values(row)
        .onConflict((conflict) => conflict.columns(['hostname', 'algorithm']).doUpdateSet(row))
        .execute();
      return {
        result: null,
        keys: [key],
        action: 'server_certificate.issue',
        target: hostname,
      };
    });
  }
}

/** True for a name that some visitor can see: a hostname with an origin of its own, or a wildcard that is one. */
function isServed(index: SnapshotIndex, name: string): boolean {
  return index.certificateName(name) === name;
}
