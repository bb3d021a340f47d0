import { afterAll } from 'vitest';
import { type TempDir, tempDir } from '../parts/temp.ts';

const made: TempDir[] = [];
afterAll(() => {
  for (const directory of made.splice(0)) directory.remove();
});

/** A directory that is gone after the test file, in a worker that is ended without an exit as well. */
export function scratch(): string {
  const directory = tempDir();
  made.push(directory);
  return directory.path;
}
