import { createRequire } from 'node:module';
import { currentRuntime } from './runtime.ts';

/** `F_DUPFD_CLOEXEC` of Linux: what is started later must not inherit the duplicate by accident. */
const DUPLICATE = 1030;

type Fcntl = (fd: number, command: number, least: number) => number;

/** Undefined until it is asked for. */
let fcntl: Fcntl | null | undefined;

/** A duplicate of a descriptor, less than 0 where the system gives none. Null where this runtime cannot: any but Bun on Linux. */
export function duplicateDescriptor(fd: number): number | null {
  if (fcntl === undefined) fcntl = loadFcntl();
  return fcntl === null ? null : fcntl(fd, DUPLICATE, 3);
}

function loadFcntl(): Fcntl | null {
  if (currentRuntime().name !== 'bun' || process.platform !== 'linux') return null;
  const { dlopen } = createRequire(import.meta.url)('bun:ffi') as {
    dlopen(library: string, symbols: object): { readonly symbols: { readonly fcntl: Fcntl } };
  };
  const musl = `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;
  for (const library of ['libc.so.6', musl]) {
    try {
      return dlopen(library, { fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' } }).symbols.fcntl;
    } catch {
      // The other libc, then.
    }
  }
  return null;
}
