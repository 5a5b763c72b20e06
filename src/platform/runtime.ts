/** A JavaScript runtime by name and version. */
export interface Runtime {
  readonly name: 'bun' | 'node';
  readonly version: string;
}

// Below these, TLS sessions and client certificates do not behave as measured (spec/threats.md section 1).
const OLDEST = { bun: [1, 4, 5], node: [26, 10, 0] } as const;

/** The runtime that this process runs on. */
export function currentRuntime(versions: Readonly<Record<string, string | undefined>> = process.versions): Runtime {
  return versions.bun === undefined
    ? { name: 'node', version: versions.node! }
    : { name: 'bun', version: versions.bun };
}

/**
 * Flags for an edge worker. V8's young generation grows to twice 16 MB and more for no gain: requests leave little behind.
 * What a read brings lies outside the heap and counts all the same, so that a small heap is marked whole every few
 * megabytes of traffic: both together may grow fourfold before that, which is the most that V8 itself lets a heap grow.
 */
export function workerFlags({ name }: Runtime): readonly string[] {
  return name === 'node' ? NODE_WORKER_FLAGS : [];
}

const NODE_WORKER_FLAGS = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=300',
  '--external-memory-accounted-in-global-limit',
  '--external-memory-max-growing-factor=4',
];

/** Why this runtime cannot be used, in one sentence; null where it can. */
export function runtimeProblem({ name, version }: Runtime): string | null {
  const have = version.split(/[.-]/).map(Number);
  const need = OLDEST[name];
  for (let i = 0; i < need.length; i++) {
    if (have[i]! > need[i]!) return null;
    if (!(have[i]! >= need[i]!)) {
      return `Countersign needs ${name === 'bun' ? 'Bun' : 'Node'} ${need.join('.')} or newer, but this is ${version}. Run "npm install" for the pinned one.`;
    }
  }
  return null;
}
