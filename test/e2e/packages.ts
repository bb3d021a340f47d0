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

/** Packs the packages in these directories as they are. @returns the paths of the tarballs */
export function pack(directories: readonly string[], into: string): readonly string[] {
  mkdirSync(into, { recursive: true });
  const packed = JSON.parse(npm(['pack', ...directories, '--ignore-scripts', '--json', '--pack-destination', into])) as { filename: string }[];
  return packed.map(({ filename }) => join(into, filename.replace('@', '').replace('/', '-')));
}

/** Installs tarballs below a prefix, side by side. */
export function install(prefix: string, tarballs: readonly string[]): void {
  mkdirSync(prefix, { recursive: true });
  npm(['install', '--prefix', prefix, '--prefer-offline', ...tarballs], prefix);
}

/** Unpacks a tarball of npm's; its package is the directory that is returned. */
export function unpack([tarball = '']: readonly string[], into: string): string {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', into]);
  return join(into, 'package');
}

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
