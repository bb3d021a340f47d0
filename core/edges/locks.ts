import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { fault } from '../errors.ts';
import type { Lock, Locks } from '../ports.ts';
import { reasonOf, systemCode } from './system-error.ts';

const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
const CONFLICT = 75; // our choice of exit code, distinct from those flock(1) ends with by itself
const CHILD_FD = 3;
const PID_CHARS = 20;

/**
 * Locks of the kernel (flock(2)), one per opening of a file, so two holders in one process exclude each other as well.
 *
 * flock(1) of util-linux locks the descriptor that it inherits. The lock belongs to the open file, not to the program: it stays
 * ours when the program ends, and dies with us. Node opens files close-on-exec, so no other child inherits it.
 * The file holds the pid of its last holder, for messages only, and is never removed.
 *
 * @param path - the PATH on which flock(1) is found
 */
export function createLocks({ path }: { readonly path: string }): Locks {
  return {
    async acquire(lockFile, { limitMs, signal, onWait }) {
      signal?.throwIfAborted();
      const file = await openLock(lockFile);
      try {
        if (!(await flock(file, ['--nonblock'], path, signal))) {
          onWait?.(await holderOf(lockFile));
          const isOurs = limitMs > 0 && (await flock(file, ['--timeout', (limitMs / 1000).toFixed(3)], path, signal));
          if (!isOurs) throw fault('STORE_LOCKED', { path: lockFile, holder: await describeHolder(lockFile), seconds: limitMs / 1000 });
        }
        await writePid(file);
      } catch (thrown) {
        await file.close();
        throw thrown;
      }
      return lockOn(file);
    },
  };
}

function lockOn(file: FileHandle): Lock {
  let isHeld = true;
  return {
    async release() {
      if (!isHeld) return;
      isHeld = false;
      await file.close();
    },
  };
}

async function openLock(lockFile: string): Promise<FileHandle> {
  try {
    return await open(lockFile, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw fault('STORE_WRITE_FAILED', { path: lockFile, because: reasonOf(thrown) }, thrown);
  }
}

/** Whether the lock is ours now. */
function flock(file: FileHandle, args: readonly string[], path: string, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn('flock', ['--exclusive', '--conflict-exit-code', String(CONFLICT), ...args, String(CHILD_FD)], {
      stdio: ['ignore', 'ignore', 'pipe', file.fd],
      env: { PATH: path, LC_ALL: 'C' },
    });
    const stop = () => child.kill();
    signal?.addEventListener('abort', stop, { once: true });

    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (thrown) => {
      signal?.removeEventListener('abort', stop);
      const isMissing = systemCode(thrown) === 'ENOENT';
      reject(
        isMissing
          ? fault('EXEC_NOT_FOUND', { file: 'flock' }, thrown)
          : fault('EXEC_FAILED', { command: 'flock', outcome: `it could not be started: ${reasonOf(thrown)}`, stderrTail: '' }, thrown),
      );
    });
    child.once('close', (exitCode, endedBy) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) reject(signal.reason);
      else if (exitCode === 0) resolve(true);
      else if (exitCode === CONFLICT) resolve(false);
      else
        reject(
          fault('EXEC_FAILED', {
            command: 'flock',
            outcome: endedBy ? `it was ended by ${endedBy}` : `it ended with exit code ${exitCode}`,
            stderrTail: stderr.trim(),
          }),
        );
    });
  });
}

/** Overwrites in place: a reader sees the old pid or the new one, never an empty file for long. */
async function writePid(file: FileHandle): Promise<void> {
  const text = `${process.pid}\n`;
  await file.write(text, 0);
  await file.truncate(text.length);
}

async function holderOf(lockFile: string): Promise<number | undefined> {
  const text = (await readFile(lockFile, 'utf8').catch(() => '')).slice(0, PID_CHARS).trim();
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

async function describeHolder(lockFile: string): Promise<string> {
  const pid = await holderOf(lockFile);
  if (pid === undefined) return 'another process';
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name === '' ? `process ${pid}` : `process ${pid} (${name.trim()})`;
}
