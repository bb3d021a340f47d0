import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import type { FileReader } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import type { ServerProcess } from '../model/site.ts';
import { canonicalAddress, type ListeningSocket, listeningSockets } from './listening-sockets.ts';
import { endedWith, programFault } from './program-fault.ts';
import { reasonOf, systemCode } from './system-error.ts';

const COMM_CHARS = 15; // the kernel cuts names of programs (proc_pid_comm(5))
const FOREGROUND_MS = 4_000; // a program that has not ended by then has come to stay; nginx tries for 2.5 s to get an address that is in use
const DELETED = / \(deleted\)$/; // an upgrade replaced the program under a running server

export interface ServersNeeds {
  readonly files: FileReader;
  /** The PATH that a server is started with. */
  readonly path: string;
}

/** Running servers, as /proc shows them. */
export interface ServerProcesses {
  /** Whether the process is there and still is the same program; a pid may have gone to another. */
  isRunning(process: Pick<ServerProcess, 'pid' | 'executable'>): Promise<boolean>;
  /**
   * The program that already listens where a new listen would be, for people: `sshd (process 812)`. `undefined` when the
   * address is free. Other users' programs are nameless for a plain user: `a program of the user with the number 0`.
   */
  holderOf(address: string, port: number): Promise<string | undefined>;
  /**
   * Starts the recorded program again, detached from this process, with `argv[0]` as it was. Resolves when it has gone into
   * the background, or 4 seconds later if it stays in the foreground; EXEC_FAILED when it ends with an error, or is another user's.
   */
  startAgain(process: ServerProcess): Promise<void>;
}

export function createServers({ files, path }: ServersNeeds): ServerProcesses {
  /** Empty where the process is gone or not ours to look at. */
  const text = async (file: string) => Buffer.from((await files.read(file).catch(() => undefined)) ?? []).toString('utf8');
  const link = (file: string) => files.readLink(file).catch(() => undefined);

  async function holdersOf(inodes: ReadonlySet<string>): Promise<readonly string[]> {
    const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`));
    const pids = ((await files.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
    const held = await Promise.all(
      pids.map(async (pid) => {
        const descriptors = (await files.list(`/proc/${pid}/fd`).catch(() => undefined)) ?? [];
        const targets = await Promise.all(descriptors.map((descriptor) => link(`/proc/${pid}/fd/${descriptor}`)));
        return targets.some((target) => target !== undefined && sockets.has(target));
      }),
    );
    return pids.filter((_, at) => held[at]).sort((a, b) => Number(a) - Number(b));
  }

  return {
    async isRunning({ pid, executable }) {
      const state = /^State:\s*(\S)/m.exec(await text(`/proc/${pid}/status`))?.[1];
      if (state === undefined || state === 'Z' || state === 'X') return false;
      const running = await link(`/proc/${pid}/exe`);
      // Another user's program shows its name only.
      if (running === undefined) return (await text(`/proc/${pid}/comm`)).trim() === basename(executable).slice(0, COMM_CHARS);
      const known = [executable, await files.realPath(executable).catch(() => undefined)];
      return known.includes(running.replace(DELETED, ''));
    },

    async holderOf(address, port) {
      const sockets = await conflicting(await listeningSockets(files), canonicalAddress(address), port);
      const [first] = sockets;
      if (first === undefined) return undefined;
      const [pid] = await holdersOf(new Set(sockets.map(({ inode }) => inode)));
      if (pid === undefined) return `a program of the user with the number ${first.uid}`;
      return `${(await text(`/proc/${pid}/comm`)).trim() || 'a program'} (process ${pid})`;
    },

    startAgain: ({ executable, argv: [argv0 = executable, ...args], cwd, foreign = false }) =>
      new Promise((resolve, reject) => {
        if (foreign) throw fault('EXEC_FAILED', { command: executable, outcome: 'it belongs to another user, who has to start it', stderrTail: '' });
        const child = spawn(executable, args, { argv0, cwd, detached: true, stdio: 'ignore', env: { PATH: path, LC_ALL: 'C' } });
        const stays = setTimeout(() => {
          child.removeAllListeners('exit');
          child.unref();
          resolve();
        }, FOREGROUND_MS);
        child.once('error', (thrown) => {
          clearTimeout(stays);
          const isMissing = systemCode(thrown) === 'ENOENT';
          const silence = { stdout: '', stderr: '', cause: thrown };
          reject(isMissing ? fault('EXEC_NOT_FOUND', { file: executable }, thrown) : programFault([executable, ...args], reasonOf(thrown), silence));
        });
        child.once('exit', (exitCode, signal) => {
          clearTimeout(stays);
          if (exitCode === 0) resolve();
          else reject(programFault([executable, ...args], exitCode === null ? `it was ended by ${signal}` : endedWith(exitCode), { stdout: '', stderr: '' }));
        });
      }),
  };
}

const familyOf = (address: string) => (address.includes(':') ? 6 : 4);
const WILDCARDS = new Set(['0.0.0.0', '::']);

/** The sockets that keep another program from listening at an address. */
async function conflicting(sockets: readonly ListeningSocket[], address: string, port: number): Promise<readonly ListeningSocket[]> {
  const there = sockets.filter((socket) => socket.port === port);
  const sameFamily = there.filter((socket) => familyOf(socket.address) === familyOf(address));
  const plain = sameFamily.filter((socket) => socket.address === address || WILDCARDS.has(socket.address) || WILDCARDS.has(address));
  if (plain.length > 0) return plain;
  // A socket on `::` may hold IPv4 as well, or not (IPV6_V6ONLY), which no table tells; and an IPv4-mapped one does.
  const across = familyOf(address) === 4 ? there.filter((socket) => socket.address === '::' || socket.address.startsWith('::ffff:')) : [];
  return across.length > 0 && (await isInUse(address, port)) ? across : [];
}

/** Whether the kernel refuses a listen there. An address that cannot be tried (a low port, as a plain user) counts as free. */
function isInUse(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (thrown) => resolve(systemCode(thrown) === 'EADDRINUSE'));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}
