import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type ApacheSite, type ApacheSiteOptions, writeSite } from './apache-site.ts';
import { freePorts } from './ports.ts';
import { endAllOf, endWithUs, pidIn, processesOf, readOr, sleep, until } from './processes.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

export interface ApacheOptions {
  readonly sites?: readonly ApacheSiteOptions[];
  readonly httpPort?: number;
  readonly httpsPort?: number;
  /** Loaded beside `MODULES`: `macro`, `proxy`. */
  readonly modules?: readonly string[];
  /** Text at the end of the main configuration. */
  readonly extra?: string;
}

/** Apache 2.4 with a ServerRoot of its own. */
export interface Apache {
  /** Holds everything of this instance; removed by `stop`. */
  readonly root: string;
  readonly binary: string;
  /** What it is started with; `-k` or `-t` goes behind it. */
  readonly args: readonly string[];
  /** The main configuration file. */
  readonly conf: string;
  readonly pidFile: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Writes the site's files; a running server sees them after a reload. */
  addSite(site: ApacheSiteOptions): ApacheSite;
  /** Relative paths are below `root`. @returns the absolute path */
  writeFile(path: string, text: string, mode?: number): string;
  readFile(path: string): string;
  /** `undefined` while it does not run. */
  pid(): number | undefined;
  /** Its error log. */
  log(): string;
  /** Has a request some moments after it was answered. */
  accessLog(): string;
  /** `apache2 -t` as this instance runs. */
  test(): { readonly ok: boolean; readonly output: string };
  start(): Promise<void>;
  /** Gracefully; waits until old processes have ended. */
  reload(): Promise<void>;
  /** Ends the server and leaves its files, for a later `start`. */
  halt(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** What a site that serves a directory, redirects or has TLS needs. */
const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'authz_host', 'alias', 'dir', 'env', 'headers', 'rewrite', 'setenvif', 'socache_shmcb', 'ssl'];

/** Old processes serve what they have begun; one with an open connection may stay for long. */
const OLD_PROCESSES_MS = 2_000;

export async function startApache(options: ApacheOptions = {}): Promise<Apache> {
  const apache = await layoutApache(options);
  try {
    await apache.start();
  } catch (error) {
    await apache.stop();
    throw error;
  }
  return apache;
}

/** The same files as `startApache`, not started. */
export async function layoutApache(options: ApacheOptions = {}): Promise<Apache> {
  const built = await tool('apache');
  const [freeHttp, freeHttps] = (await freePorts(2)) as [number, number];
  const { httpPort = freeHttp, httpsPort = freeHttps } = options;
  const dir = tempDir(undefined, 0o755); // its children are another user
  const at = (path: string) => (isAbsolute(path) ? path : join(dir.path, path));
  const binary = at('usr/sbin/apache2');
  const conf = at('etc/apache2/apache2.conf');
  const pidFile = at('run/apache2.pid');
  const args = ['-d', at('etc/apache2'), '-f', conf];
  const letLive = endWithUs(binary, dir.path);
  const log = () => readOr(at('log/error.log'), '');
  const pid = () => pidIn(pidFile, binary);
  const run = (...words: readonly string[]) => spawnSync(binary, [...args, ...words], { encoding: 'utf8' });
  const halt = () => endAllOf(binary);
  const write = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text, { mode });
    return at(path);
  };

  for (const folder of ['usr/sbin', 'run', 'log', 'etc/apache2/sites-enabled', 'var/www']) mkdirSync(at(folder), { recursive: true });
  cpSync(pathOf(built, 'apache'), binary);
  chmodSync(binary, 0o755);
  symlinkSync(pathOf(built, 'libraries'), at('usr/lib')); // the program looks for them from where it is
  const modules = [...MODULES, ...(options.modules ?? [])].map((name) => `LoadModule ${name}_module ${at('usr/lib/apache2/modules')}/mod_${name}.so\n`);
  write(
    conf,
    `ServerName localhost
Listen 127.0.0.1:${httpPort}
Listen 127.0.0.1:${httpsPort}
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup\n' : ''}PidFile ${pidFile}
DefaultRuntimeDir ${at('run')}
ErrorLog ${at('log/error.log')}
LogLevel notice
${modules.join('')}
StartServers 1
MinSpareThreads 1
MaxSpareThreads 25
GracefulShutdownTimeout 1

LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Host}i\\"" combined
CustomLog ${at('log/access.log')} combined

<Directory />
	AllowOverride None
	Require all denied
</Directory>
<Directory ${at('var/www')}>
	Require all granted
</Directory>

IncludeOptional sites-enabled/*.conf
${options.extra ?? ''}`,
  );

  const addSite = (site: ApacheSiteOptions) => writeSite(site, { write, httpPort, httpsPort });
  for (const site of options.sites ?? []) addSite(site);

  return {
    root: dir.path,
    binary,
    args,
    conf,
    pidFile,
    httpPort,
    httpsPort,
    addSite,
    writeFile: write,
    readFile: (path) => readFileSync(at(path), 'utf8'),
    pid,
    log,
    accessLog: () => readOr(at('log/access.log'), ''),
    test: () => {
      const { status, stderr } = run('-t');
      return { ok: status === 0, output: stderr };
    },
    start: async () => {
      const before = log().length;
      const { status, stderr, error } = run('-k', 'start');
      if (status !== 0) throw new Error(`${binary} did not start: ${error?.message ?? stderr}\n${log()}`);
      await until(
        () => pid() !== undefined && isReady(log().slice(before)),
        () => `a running Apache; its log ends with\n${log().slice(-1000)}`,
      );
    },
    reload: async () => {
      const parent = pid();
      if (parent === undefined) throw new Error(`${binary} does not run`);
      const before = log().length;
      const old = processesOf(binary).filter((one) => one !== parent);
      process.kill(parent, 'SIGUSR1');
      await until(
        () => isReady(log().slice(before)),
        () => `a new generation after a reload; its log ends with\n${log().slice(-1000)}`,
      );
      const giveUpMs = Date.now() + OLD_PROCESSES_MS;
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

/** It says so when it has its sockets and its configuration, at its start and at each reload. */
const isReady = (log: string) => /resuming normal operations/.test(log);
