import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onExit } from './on-exit.ts';

export interface TempDir {
  readonly path: string;
  remove(): void;
}

/**
 * A directory that is gone when the process has ended.
 *
 * @param mode - 0700 when not given; servers whose workers are another user need 0755
 */
export function tempDir(prefix = join(tmpdir(), 'certkit-test-'), mode = 0o700): TempDir {
  const path = mkdtempSync(prefix);
  chmodSync(path, mode);
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  const forget = onExit(remove);
  return {
    path,
    remove: () => {
      forget();
      remove();
    },
  };
}
