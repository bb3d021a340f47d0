import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program of a few lines of shell. @returns its path */
export function script(directory: string, name: string, lines: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  return path;
}
