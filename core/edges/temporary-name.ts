import { basename, dirname, join } from 'node:path';
import { temporaryName } from '../model/temporary-name.ts';
import { systemRandom } from './random.ts';

const RANDOM_BYTES = 8;
const MAX_BASE_BYTES = 200; // a name has at most 255 bytes

/**
 * A name beside `path` for a file in the making: `.NAME.certkit-<hex>`. The leading dot keeps it out of `include *`,
 * and the hex unguessable in a directory that others may write.
 */
export function temporaryBeside(path: string): string {
  const name = basename(path);
  const base = Buffer.byteLength(name) > MAX_BASE_BYTES ? 'long' : name;
  return join(dirname(path), temporaryName(base, process.pid, systemRandom.hex(RANDOM_BYTES)));
}
