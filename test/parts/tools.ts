import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Tool {
  readonly version: string;
  /** Absolute. */
  readonly paths: Readonly<Record<string, string>>;
  readonly [fact: string]: unknown;
}

/** The root of the project, found upwards from this file: a bundle of it may lie elsewhere in the tree. */
export const projectRoot: string = findProjectRoot(dirname(fileURLToPath(import.meta.url)));

/** A part that `scripts/tools.mjs` prepares; prepared now when it is not there yet. */
export async function tool(name: string): Promise<Tool> {
  const script = pathToFileURL(join(projectRoot, 'scripts/tools.mjs')).href;
  const { ensureTools } = (await import(/* @vite-ignore */ script)) as { ensureTools(names: readonly string[]): Promise<Record<string, Tool>> };
  const found = (await ensureTools([name]))[name];
  if (found === undefined) throw new Error(`scripts/tools.mjs prepared no "${name}"`);
  return found;
}

export function pathOf(from: Tool, key: string): string {
  const path = from.paths[key];
  if (path === undefined) throw new Error(`the part has no "${key}", only ${Object.keys(from.paths).join(', ')}`);
  return path;
}

function findProjectRoot(dir: string): string {
  if (existsSync(join(dir, 'scripts/tools.mjs')) && isOurs(join(dir, 'package.json'))) return dir;
  if (dirname(dir) === dir) throw new Error('scripts/tools.mjs was found in no directory above');
  return findProjectRoot(dirname(dir));
}

function isOurs(manifest: string): boolean {
  return existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }).name === 'certkit';
}
