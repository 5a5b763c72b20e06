import { openSync, write } from 'node:fs';
import { AccessLog } from '../observe/mod.ts';

const STDOUT = 1;
const RETRY_AFTER = 50;

/** Opens the access log: a file that is appended to, or `-` for stdout. `onDrop` is told of each line left out. */
export function openAccessLog(target: string, onDrop: () => void): AccessLog {
  const file = target === '-' ? STDOUT : openSync(target, 'a', 0o640);
  // Not process.stdout: it writes to pipes and files at once, and a reader that stalls would hold every request.
  return new AccessLog((lines, taken) => writeAll(file, Buffer.from(lines), taken), onDrop);
}

function writeAll(file: number, data: Buffer, taken: () => void): void {
  write(file, data, 0, data.length, null, (error, written) => {
    if (error !== null && error.code === 'EAGAIN') {
      setTimeout(() => writeAll(file, data, taken), RETRY_AFTER);
    } else if (error === null && written < data.length) {
      writeAll(file, data.subarray(written), taken);
    } else {
      // A full disk or a reader that is gone: later lines may have more luck.
      taken();
    }
  });
}
