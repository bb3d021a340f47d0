// What npm test and npm run demo need before they can start: the packages, the tools, a build. Says what it does; plain Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program with our own output; ends the process with its exit code when it fails. */
export function run(file, args, options = {}) {
  const { status, signal, error } = spawnSync(file, args, { cwd: root, stdio: 'inherit', ...options });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? (signal === null ? 1 : 130));
}

/** The packages of package-lock.json, installed when they are not there as it says. */
export function ensurePackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs && isSameLock(installed)) return;
  console.log('setup: installing the npm packages that package-lock.json names (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

function isSameLock(installed) {
  const versions = (path) => {
    const { packages } = JSON.parse(readFileSync(path, 'utf8'));
    return new Map(Object.entries(packages).map(([name, { version, optional }]) => [name, { version, optional }]));
  };
  const have = versions(installed);
  return [...versions(join(root, 'package-lock.json'))].every(
    ([name, { version, optional }]) => name === '' || optional === true || have.get(name)?.version === version,
  );
}

/** dist/ as of the sources that are there now. */
export async function ensureBuild() {
  const built = join(root, 'dist', 'core', 'start.cjs');
  const newest = Math.max(
    ...['core', 'plugins', 'authenticators', 'installers', 'scripts/build.mjs', 'package.json', 'tsconfig.json'].map((path) => newestIn(join(root, path))),
  );
  if (existsSync(built) && existsSync(join(root, 'dist', 'plugins', 'contract.d.ts')) && statSync(built).mtimeMs >= newest) return;
  console.log('setup: building dist/');
  run(process.execPath, [join(root, 'scripts', 'build.mjs')]);
}

function newestIn(path) {
  const facts = statSync(path);
  if (!facts.isDirectory()) return facts.mtimeMs;
  return Math.max(facts.mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}

/** Pebble, nginx and the other real parts. */
export async function ensureParts() {
  const { ensureTools } = await import('./tools.mjs');
  try {
    return await ensureTools();
  } catch (error) {
    if (error?.name !== 'ToolError') throw error;
    console.error(error.message);
    process.exit(1);
  }
}
