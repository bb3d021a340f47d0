import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, startProgram } from './program.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

/** A cron whose folders are its own, at the paths that are compiled into Debian's. */
export interface Cron {
  /** What stands at /etc/cron.d for it, and for programs that are run beside it. */
  readonly entries: string;
  /** Words to put before a program, so that it sees the same. */
  readonly view: readonly string[];
  /** The daemon, in the foreground; it looks at its entries at every full minute. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const NAMESPACE = ['unshare', '--mount', '--propagation', 'private'] as const;

// Constant: paths and the program come as positional parameters.
const SCRIPT = 'while [ "$1" != -- ]; do mount --bind -- "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"';

/** Only root's cron changes to the user of an entry. */
export const canRunCron: boolean = process.getuid?.() === 0 && spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'true']).status === 0;

export async function layoutCron(): Promise<Cron> {
  const program = pathOf(await tool('cron'), 'cron');
  const dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  for (const folder of ['cron.d', 'pam.d', 'spool/cron/crontabs', 'run']) mkdirSync(at(folder), { recursive: true, mode: 0o755 });
  writeFileSync(at('nothing'), '');
  // Sessions of the machine's own rules need an audit system or a login manager, which a container lacks.
  writeFileSync(at('pam.d/cron'), ['auth', 'account', 'session'].map((stack) => `${stack} required pam_permit.so\n`).join(''));
  const folders = { 'cron.d': '/etc/cron.d', 'pam.d': '/etc/pam.d', spool: '/var/spool', run: '/run' };
  if (!existsSync('/etc/cron.d')) throw new Error('/etc/cron.d is not there, and nothing can be mounted in its place; make it');
  // The machine's own crontab would run in the test, and what its jobs print would be mailed to somebody.
  const hidden = ['/etc/crontab', '/usr/sbin/sendmail'].filter((path) => existsSync(path));
  const mounts = [...Object.entries(folders).flatMap(([name, path]) => [at(name), path]), ...hidden.flatMap((path) => [at('nothing'), path])];
  const view = [...NAMESPACE, 'sh', '-c', SCRIPT, 'sh', ...mounts, '--'];
  let daemon: Program | undefined;

  return {
    entries: at('cron.d'),
    view,
    start: async () => {
      const [file = '', ...args] = view;
      daemon = await startProgram(file, [...args, program, '-f'], { logPath: at('log') });
    },
    stop: async () => {
      await daemon?.stop();
      dir.remove();
    },
  };
}
