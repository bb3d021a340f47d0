import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { servedCertificate } from '../../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../../parts/nginx-centmin.ts';
import type { Site } from '../../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../../parts/pebble.ts';
import { tempDir } from '../../parts/temp.ts';
import { buildDoomedProgram } from './doomed-program.ts';

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface RunOptions {
  /** The moment to die at. */
  readonly dieAt?: string;
  /** Runs nginx's own test after every effect that it may notice. */
  readonly judged?: boolean;
  /** In a network namespace with nothing in it, not even a loopback that is up. */
  readonly offline?: boolean;
  /** Among processes of its own, as in a container: it sees none of the machine's servers, of which other tests have many. */
  readonly alone?: boolean;
}

/** A first process cannot be killed from within its namespace, so that is a shell, and certkit another, with the number after `$0`. */
const ALONE = ['unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c', 'echo "$0" >/proc/sys/kernel/ns_last_pid; "$@"; exit "$?"'];
const KILLED_BELOW_SHELL = 128 + constants.signals.SIGKILL;
/** A run alone has none of the numbers of those before it, which are thereby known to be gone. */
const PIDS_OF_A_RUN = 50;
const TURNS = 400;

/** A server, a CA and a certkit home, which many runs use one after the other. */
export interface World {
  readonly names: readonly string[];
  readonly nginx: SourceNginx;
  readonly site: Site;
  readonly pebble: Pebble;
  readonly home: string;
  /** For files that are placed by the `files` installer. */
  readonly shelf: string;
  /** Directories that certkit may change something in. */
  readonly kept: readonly string[];
  /** A person's first command for the site. */
  readonly first: readonly string[];
  /** The same with the server itself to answer the CA. */
  readonly firstThroughServer: readonly string[];
  /** The same with files on the shelf in place of the server. */
  readonly firstOnShelf: readonly string[];
  /** Runs certkit in a process of its own; answers the moments it went through as well. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended & { readonly moments: readonly string[] }>;
  /** How many orders the CA has made so far. */
  orders(): number;
  /** SHA-256 of the leaf that the server shows; `undefined` when nobody answers. */
  served(): Promise<string | undefined>;
  /** Logs that are read again and again do not grow from point to point. */
  clearLogs(): void;
  stop(): Promise<void>;
}

export async function startWorld({ names, tls }: { readonly names: readonly string[]; readonly tls: boolean }): Promise<World> {
  const program = await buildDoomedProgram();
  const nginx = await layoutCentmin();
  const site = nginx.addSite({ names, tls });
  await nginx.start();
  const pebble = await startPebble({
    httpPort: nginx.httpPort,
    tlsPort: nginx.httpsPort,
    authzReusePercent: 0,
    nonceRejectPercent: 0, // every order that is placed is one request
    profiles: { default: { description: 'Ninety days', validityPeriod: 7_776_000 } },
  });
  const folder = tempDir(join(tmpdir(), 'certkit-kill-'), 0o755);
  const home = join(folder.path, 'home');
  const shelf = join(folder.path, 'shelf');
  mkdirSync(shelf);
  const wanted = [...names.flatMap((name) => ['-d', name]), '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
  const byWebroot = ['--authenticator', 'webroot', '--webroot-root', site.webroot];
  const intoServer = [
    ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
    ...(tls ? [] : ['--nginx-custom-tls-port', String(nginx.httpsPort)]),
  ];
  let turn = 0;
  const places = [
    [home, '~'],
    [shelf, 'shelf'],
    [nginx.root, 'nginx'],
  ];

  return {
    names,
    nginx,
    site,
    pebble,
    home,
    shelf,
    kept: [home, shelf, nginx.confDir, site.webroot],
    first: [...wanted, ...byWebroot, ...intoServer],
    firstThroughServer: [...wanted, '--authenticator', 'nginx-custom', ...intoServer],
    firstOnShelf: [
      ...[...wanted, ...byWebroot, '--installer', 'files', '--files-combined', join(shelf, 'combined.pem'), '--files-fullchain', join(shelf, 'fullchain.pem')],
      ...['--files-reload-command', '/bin/true'],
    ],
    async run(args, { dieAt, judged = false, offline = false, alone = false } = {}) {
      const notes = mkdtempSync(join(folder.path, 'notes-'));
      const list = join(notes, 'moments');
      const orders = { dieAt, list, places, ...(judged ? { judge: [nginx.binary, '-t', '-q'] } : {}) };
      turn = (turn % TURNS) + 1;
      const around = [...(offline ? ['unshare', '--net'] : []), ...(alone ? [...ALONE, String(turn * PIDS_OF_A_RUN)] : [])];
      const [file = '', ...words] = [...around, process.execPath, program.main, ...args];
      const ended = await new Promise<Ended>((resolve, reject) => {
        const child = spawn(file, words, {
          env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home, CERTKIT_TEST_ORDERS: JSON.stringify(orders) },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let output = '';
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
        child.once('error', reject);
        // Not `close`: a program that it had started may live on, and hold its pipes.
        child.once('exit', (exitCode, signal) => {
          const isKilled = signal === 'SIGKILL' || (alone && exitCode === KILLED_BELOW_SHELL);
          setImmediate(() => resolve({ exitCode, signal: isKilled ? 'SIGKILL' : signal, output }));
        });
      });
      const moments = existsSync(list) ? readFileSync(list, 'utf8').trimEnd().split('\n') : [];
      rmSync(notes, { recursive: true });
      return { ...ended, moments };
    },
    orders: () => pebble.orders(),
    served: () =>
      servedCertificate({ port: nginx.httpsPort, servername: names[0] ?? '' }).then(
        ([leaf]) => leaf?.fingerprint256.replaceAll(':', '').toLowerCase(),
        () => undefined,
      ),
    clearLogs: () => {
      // Both programs append, so they go on at the new end.
      for (const log of [join(nginx.prefix, 'logs/error.log'), join(dirname(pebble.caBundlePath), 'pebble.log')]) truncateSync(log);
    },
    async stop() {
      await pebble.stop();
      await nginx.stop();
      folder.remove();
      program.remove();
    },
  };
}
