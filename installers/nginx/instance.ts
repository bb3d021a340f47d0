import { resolve } from 'node:path';
import type { ServerProcess } from 'certkit/plugin';
import { commandAs } from './account.ts';
import { type Build, isAtLeast } from './build.ts';
import type { Master } from './masters.ts';

/** What a person may say about the server that is meant; everything else is found by asking. */
export interface Choice {
  /** A directory that holds `nginx.conf` or `conf/nginx.conf`. */
  readonly root?: string | undefined;
  readonly binary?: string | undefined;
  readonly prefix?: string | undefined;
  readonly conf?: string | undefined;
  readonly pid?: string | undefined;
}

/** One nginx: a program, the prefix and the configuration it runs with, and its master if it runs. */
export interface Instance {
  /** Of the plugin that looked, for messages. */
  readonly installer: string;
  /** What is run for every call: the program of the master itself, also when its file has been replaced since, for that is who will read the configuration. */
  readonly binary: string;
  readonly build: Build;
  /** In force, absolute. */
  readonly prefix: string;
  /** The program is wrapped by one that gives a prefix, and does not tell: no other is given. */
  readonly prefixIsItsOwn: boolean;
  /** In force, absolute, as the server resolves it; it may be a link. */
  readonly conf: string;
  /** A person named the configuration. */
  readonly isConfSaid: boolean;
  /** Directives of `-g`. */
  readonly globals: string | undefined;
  readonly master: Master | undefined;
  /** Where a person says the pid file is. */
  readonly chosenPid: string | undefined;
  /** How it was decided, for people. */
  readonly because: string;
  /** Masters whose configuration cannot be told, and why: one of them may be this server's. */
  readonly unplaced: readonly string[];
  /** Masters that are none of this system's, for people. */
  readonly passedOver: readonly string[];
}

/** The arguments that every call of the program starts with: the same `-p`, `-c` and `-g` as the running server's. */
export function callArguments({ prefix, prefixIsItsOwn, conf, globals, build }: Instance): readonly string[] {
  const quiet = isAtLeast(build.version, '1.19.5') ? ['-e', 'stderr'] : []; // else a mere test makes a log file
  return [...(prefixIsItsOwn ? [] : ['-p', `${prefix}/`]), '-c', conf, ...(globals === undefined ? [] : ['-g', globals]), ...quiet];
}

/** A call of the program, as the user that started the master. */
export function callOf(instance: Instance, args: readonly string[]): readonly string[] {
  const command = [instance.binary, ...callArguments(instance), ...args];
  const account = instance.master?.actAs;
  return account === undefined ? command : commandAs(account, command);
}

export function titleOf({ build, conf }: Pick<Instance, 'build' | 'conf'>): string {
  return `${build.product} ${build.productVersion} at ${conf}`;
}

/** How it was started, so that it can be started again; `undefined` while it does not run. */
export function processOf({ master }: Instance): ServerProcess | undefined {
  if (master === undefined) return undefined;
  const { pid, executable, argv, cwd, foreign } = master;
  return { pid, executable, argv, cwd, foreign };
}

/** Where the compiled-in pid file is, for a configuration without a `pid` directive. */
export function builtInPidFile({ build, prefix }: Pick<Instance, 'build' | 'prefix'>): string {
  return resolve(prefix, build.configured.get('--pid-path') ?? 'logs/nginx.pid');
}
