import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** npm as its user has it set up, and quiet. */
export function npm(args: readonly string[], cwd?: string): string {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Packs a package's directory as it is. @returns the path of the tarball */
export function pack(directory: string, into: string): string {
  mkdirSync(into, { recursive: true });
  const [packed] = JSON.parse(npm(['pack', directory, '--ignore-scripts', '--json', '--pack-destination', into])) as { filename: string }[];
  return join(into, packed?.filename.replace('@', '').replace('/', '-') ?? '');
}

/** Installs tarballs below a prefix, side by side. */
export function install(prefix: string, ...tarballs: readonly string[]): void {
  mkdirSync(prefix, { recursive: true });
  npm(['install', '--prefix', prefix, '--prefer-offline', ...tarballs], prefix);
}

/** Unpacks a tarball of npm's; its package is the directory that is returned. */
export function unpack(tarball: string, into: string): string {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', into]);
  return join(into, 'package');
}

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
