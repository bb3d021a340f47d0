import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { guard } from './guard.ts';
import { onExit } from './on-exit.ts';

const GONE_TIMEOUT_MS = 5_000;

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

/**
 * For a binary that is a copy of a server's own: ends all that runs from it, and removes the directory, when our process has ended without doing so.
 *
 * @returns forgets about it
 */
export function endWithUs(binary: string, dir: string): () => void {
  const dismiss = guard(END_ALL_OF, [binary, dir]);
  const forget = onExit(() => signal(processesOf(binary), 'SIGKILL'));
  return () => {
    dismiss();
    forget();
  };
}

/** Asks all that runs from this file to end, and kills what has not done so in time. */
export async function endAllOf(binary: string): Promise<void> {
  const giveUpMs = Date.now() + GONE_TIMEOUT_MS;
  signal(processesOf(binary), 'SIGTERM');
  while (processesOf(binary).length > 0) {
    if (Date.now() > giveUpMs) signal(processesOf(binary), 'SIGKILL');
    await sleep(5);
  }
}

/** The process whose number is in this file, while it runs from this binary. */
export function pidIn(pidFile: string, binary: string): number | undefined {
  const found = Number(readOr(pidFile, '').trim());
  return Number.isInteger(found) && found > 0 && processesOf(binary).includes(found) ? found : undefined;
}

export function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

export async function until(condition: () => boolean, what: () => string, timeoutMs = 5_000): Promise<void> {
  const giveUpMs = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > giveUpMs) throw new Error(`waited in vain for ${what()}`);
    await sleep(5);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const END_ALL_OF = `
for p in /proc/[0-9]*; do
  case "$(readlink "$p/exe")" in "$1" | "$1 (deleted)") kill -KILL "\${p#/proc/}" ;; esac
done
rm -rf "$2"`;

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
