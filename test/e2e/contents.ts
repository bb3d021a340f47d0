import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything below a directory: path, mode and bytes of files, targets of links. Two of them are equal when nothing was touched. */
export function contentsOf(...roots: readonly string[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const look = (path: string) => {
    const facts = lstatSync(path);
    const mode = (facts.mode & 0o7777).toString(8);
    if (facts.isSymbolicLink()) found[path] = `-> ${readlinkSync(path)}`;
    else if (facts.isDirectory()) {
      found[path] = mode;
      for (const name of readdirSync(path)) look(join(path, name));
    } else found[path] = `${mode} ${facts.ino} ${readFileSync(path, 'base64')}`;
  };
  for (const root of roots) if (existsSync(root)) look(root);
  return found;
}
