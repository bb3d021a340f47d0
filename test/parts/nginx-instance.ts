import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { guard } from './guard.ts';
import { onExit } from './on-exit.ts';
import type { TempDir } from './temp.ts';

/** A running (or stopped) nginx with files of its own. */
export interface NginxInstance {
  /** Holds everything of this instance; removed by `stop`. */
  readonly root: string;
  readonly binary: string;
  readonly prefix: string;
  /** The main configuration file. */
  readonly conf: string;
  readonly pidFile: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** What it is started with, apart from the binary; empty when all of it is compiled in. */
  readonly args: readonly string[];
  /** `undefined` while it does not run. */
  pid(): number | undefined;
  /** How often the master was told to reload, from its log. */
  reloads(): number;
  errorLog(): string;
  /** Relative paths are below `root`. @returns the absolute path */
  writeFile(path: string, text: string, mode?: number): string;
  readFile(path: string): string;
  /** `nginx -t` as this instance runs. */
  test(): { readonly ok: boolean; readonly output: string };
  start(): Promise<void>;
  /** HUP, and waits until new workers have started and the old ones have ended. */
  reload(): Promise<void>;
  /** Ends the server and leaves its files, for a later `start`. */
  halt(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

export interface InstanceFacts {
  readonly dir: TempDir;
  readonly binary: string;
  readonly prefix: string;
  readonly conf: string;
  readonly pidFile: string;
  readonly errorLog: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly args: readonly string[];
}

const GONE_TIMEOUT_MS = 5_000;
/** Old workers answer until they have ended; one with an open connection may stay for long. */
const OLD_WORKERS_MS = 2_000;

/** The binary is a copy of this instance's own: whatever runs from it is ours to end, and nothing else. */
export function createInstance(facts: InstanceFacts): NginxInstance {
  const { dir, binary, args, errorLog, pidFile } = facts;
  const dismissGuard = guard(END_ALL_OF, [binary, dir.path]);
  const forget = onExit(() => signal(processesOf(binary), 'SIGKILL'));
  const log = () => readOr(errorLog, '');
  const at = (path: string) => (isAbsolute(path) ? path : join(dir.path, path));

  const pid = () => {
    const found = Number(readOr(pidFile, '').trim());
    return Number.isInteger(found) && found > 0 && processesOf(binary).includes(found) ? found : undefined;
  };
  const halt = async () => {
    const giveUpMs = Date.now() + GONE_TIMEOUT_MS;
    signal(processesOf(binary), 'SIGTERM');
    while (processesOf(binary).length > 0) {
      if (Date.now() > giveUpMs) signal(processesOf(binary), 'SIGKILL');
      await sleep(5);
    }
  };

  return {
    ...facts,
    root: dir.path,
    pid,
    reloads: () => log().match(/signal 1 \(SIGHUP\) received/g)?.length ?? 0,
    errorLog: log,
    writeFile: (path, text, mode = 0o644) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text, { mode });
      return at(path);
    },
    readFile: (path) => readFileSync(at(path), 'utf8'),
    test: () => {
      const { status, stderr } = spawnSync(binary, [...args, '-t'], { encoding: 'utf8' });
      return { ok: status === 0, output: stderr };
    },
    start: async () => {
      const { status, stderr, error } = spawnSync(binary, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${binary} did not start: ${error?.message ?? stderr}\n${log()}`);
      // It has bound its sockets by then: clients wait in the kernel for its workers.
      await until(() => pid() !== undefined, `a running master in ${pidFile}`);
      // A signal that meets it before it blocks signals, which it does just before it takes its title, is noted and not acted on until the next one.
      if (/^master_process off;/m.test(readOr(facts.conf, ''))) return;
      await until(() => readOr(`/proc/${pid()}/cmdline`, '').includes('master process'), 'a master that waits for signals');
    },
    reload: async () => {
      const master = pid();
      if (master === undefined) throw new Error(`${binary} does not run`);
      const before = log().length;
      const old = processesOf(binary).filter((one) => one !== master);
      process.kill(master, 'SIGHUP');
      await until(() => /start worker process \d/.test(log().slice(before)), `new workers after a reload; its log ends with\n${log().slice(-1000)}`);
      const giveUpMs = Date.now() + OLD_WORKERS_MS;
      while (Date.now() < giveUpMs && processesOf(binary).some((one) => old.includes(one))) await sleep(5);
    },
    halt,
    stop: async () => {
      dismissGuard();
      forget();
      await halt();
      dir.remove();
    },
  };
}

/** Runs when our process has ended without stopping the server: $1 is the binary, $2 its directory. */
const END_ALL_OF = `
for p in /proc/[0-9]*; do
  case "$(readlink "$p/exe")" in "$1" | "$1 (deleted)") kill -KILL "\${p#/proc/}" ;; esac
done
rm -rf "$2"`;

/** Pids that run this very file, from /proc. */
export function processesOf(binary: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const exe = exeOf(name);
      return exe === binary || exe === `${binary} (deleted)`;
    })
    .map(Number);
}

function exeOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // ended meanwhile, or somebody else's
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpMs = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > giveUpMs) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
