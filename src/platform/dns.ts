import dns from 'node:dns';
import { readFile } from 'node:fs/promises';

/** One address of a name, and how long it may be kept. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
  /** Seconds. */
  readonly ttl: number;
}

/** Finds the addresses of a name; none where it has none. Throws where nobody could be asked. */
export type ResolveName = (name: string) => Promise<readonly ResolvedAddress[]>;

const HOSTS = '/etc/hosts';
/** For what the system says without a TTL. */
const SYSTEM_TTL = 30;
const NO_ADDRESS: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Asks the machine's name servers, for they tell the TTL. Names in the hosts file, and those that only the system
 * itself knows, come from the system's own look-up.
 */
export const systemResolve: ResolveName = async (name) => {
  if (await isInHostsFile(name)) return await lookUp(name);
  const resolver = new dns.promises.Resolver({ timeout: 2_000, tries: 2 });
  const answers = await Promise.allSettled([
    resolver.resolve6(name, { ttl: true }),
    resolver.resolve4(name, { ttl: true }),
  ]);
  const found = answers.flatMap((answer, i) =>
    answer.status === 'rejected'
      ? []
      : answer.value.map(({ address, ttl }) => ({ address, ttl, family: i === 0 ? (6 as const) : (4 as const) })),
  );
  return found.length > 0 ? found : await lookUp(name);
};

async function lookUp(name: string): Promise<ResolvedAddress[]> {
  try {
    const found = await dns.promises.lookup(name, { all: true, order: 'verbatim' });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4, ttl: SYSTEM_TTL }));
  } catch (error) {
    if (NO_ADDRESS.has((error as NodeJS.ErrnoException).code)) return [];
    throw error;
  }
}

async function isInHostsFile(name: string): Promise<boolean> {
  const text = await readFile(HOSTS, 'utf8').catch(() => '');
  return text.split('\n').some((line) => line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/).indexOf(name) > 0);
}
