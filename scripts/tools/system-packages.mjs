import { run } from './run.mjs';
import { ToolError } from './tool-error.mjs';

/**
 * For what unpacking cannot give (a compiler, shared libraries): installs Debian packages on the system, as root only and said first.
 * A plain user gets one sentence with the command to run.
 */
export function installOnSystem(packages, why, say) {
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid() !== 0) throw new ToolError(undefined, why, `Run this as root, once: ${command}`);
  say(`${why}; installing it on this system: ${command}`);
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['-q', 'update'], { env: quiet });
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...packages], { env: quiet, remedy: `See why "${command}" fails on this machine.` });
}

/**
 * Shared libraries that an unpacked program would need and this system does not have.
 *
 * @param unpacked - folders with libraries of its own, as LD_LIBRARY_PATH has them
 */
export function missingLibraries(program, unpacked = '') {
  const { stdout } = run('ldd', [program], { accept: [0, 1], env: { LD_LIBRARY_PATH: unpacked } });
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
}

export const isInstalled = (name) => run('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { accept: [0, 1] }).stdout === 'installed';
