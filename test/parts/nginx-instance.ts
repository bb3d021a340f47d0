import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { endAllOf, endWithUs, pidIn, processesOf, readOr, sleep, until } from './processes.ts';
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

/** Old workers answer until they have ended; one with an open connection may stay for long. */
const OLD_WORKERS_MS = 2_000;

/** The binary is a copy of this instance's own: whatever runs from it is ours to end, and nothing else. */
export function createInstance(facts: InstanceFacts): NginxInstance {
  const { dir, binary, args, errorLog, pidFile } = facts;
  const letLive = endWithUs(binary, dir.path);
  const log = () => readOr(errorLog, '');
  const at = (path: string) => (isAbsolute(path) ? path : join(dir.path, path));

  const pid = () => pidIn(pidFile, binary);
  const halt = () => endAllOf(binary);

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
      await until(
        () => pid() !== undefined,
        () => `a running master in ${pidFile}`,
      );
      // A signal that meets it before it blocks signals, which it does just before it takes its title, is noted and not acted on until the next one.
      if (/^master_process off;/m.test(readOr(facts.conf, ''))) return;
      await until(
        () => readOr(`/proc/${pid()}/cmdline`, '').includes('master process'),
        () => 'a master that waits for signals',
      );
    },
    reload: async () => {
      const master = pid();
      if (master === undefined) throw new Error(`${binary} does not run`);
      const before = log().length;
      const old = processesOf(binary).filter((one) => one !== master);
      process.kill(master, 'SIGHUP');
      await until(
        () => /start worker process \d/.test(log().slice(before)),
        () => `new workers after a reload; its log ends with\n${log().slice(-1000)}`,
      );
      const giveUpMs = Date.now() + OLD_WORKERS_MS;
      while (Date.now() < giveUpMs && processesOf(binary).some((one) => old.includes(one))) await sleep(5);
    },
    halt,
    stop: async () => {
      letLive();
      await halt();
      dir.remove();
    },
  };
}
