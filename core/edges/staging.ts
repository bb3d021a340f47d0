import type { RunOptions } from '../../plugins/contract.ts';
import { fault, isCertkitError } from '../errors.ts';
import type { Executor, Staging } from '../ports.ts';
import { endedWith, programFault } from './program-fault.ts';

// Constant: paths and the program come as positional parameters. `cd` leads into what was mounted over the working directory.
const SCRIPT = `
while [ "$1" != -- ]; do mount --bind -- "$1" "$2" || exit 125; shift 2; done
shift
cd "$PWD" 2>/dev/null
exec "$@"
`;
const MOUNT_FAILED = 125;
const NOT_FOUND = 127; // sh's, for a program that is not there
const EVERY_EXIT_CODE = Array.from({ length: 256 }, (_, code) => code);

export interface StagingNeeds {
  readonly executor: Executor;
  /** Of this process. Other users than root mount in a user namespace, if the kernel has them for everybody. */
  readonly uid: number;
}

/**
 * Shows programs a file system with other files in it: bind mounts in a mount namespace of their own, which ends with them.
 *
 * A plain user is root in a first user namespace, to mount, and in a second one within it is the same user again without any
 * capability, so that a server judges itself as unprivileged as it is. What is overlaid must exist; a directory may be.
 */
export function createStaging({ executor, uid }: StagingNeeds): Staging {
  const namespace = uid === 0 ? ['--mount', '--propagation', 'private'] : ['--map-root-user', '--mount', '--propagation', 'private'];
  const unprivileged = uid === 0 ? [] : ['unshare', '--user', `--map-user=${uid}`, `--map-group=${process.getgid?.() ?? uid}`];

  return {
    async open(overlays) {
      // A directory first, then what is mounted on something in it.
      const mounts = [...overlays].sort((a, b) => (a.real < b.real ? -1 : 1)).flatMap(({ staged, real }) => [staged, real]);
      const prefix = [...namespace, 'sh', '-c', SCRIPT, 'sh', ...mounts, '--', ...unprivileged];
      const programs: Executor = { run: (file, args, options = {}) => runWithin(executor, prefix, [file, ...args], options) };

      try {
        await programs.run('true', []);
        return { programs };
      } catch (thrown) {
        if (!isCertkitError(thrown)) throw thrown;
        return { unavailable: `no private view of the file system can be made here: ${firstWords(thrown.message)}` };
      }
    },
  };
}

/** The exit code is judged here, so that an error shows the program and not what surrounds it. */
async function runWithin(executor: Executor, prefix: readonly string[], words: readonly string[], options: RunOptions) {
  const { accept = [0], ...rest } = options;
  const result = await executor.run('unshare', [...prefix, ...words], { ...rest, accept: EVERY_EXIT_CODE });
  if (accept.includes(result.exitCode) && result.exitCode !== MOUNT_FAILED) return result;
  if (result.exitCode === NOT_FOUND && /not found|No such file/.test(result.stderr)) throw fault('EXEC_NOT_FOUND', { file: words[0] ?? '' });
  throw programFault(words, endedWith(result.exitCode), result);
}

/** What the program that failed said first; what follows is advice to look elsewhere. */
function firstWords(message: string): string {
  const [outcome = message, said = outcome] = message.split('\n');
  return said.trim();
}
