import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

const QUIET_MS = 100;
const MAX_LOOKS = 20; // so a background program that goes on talking holds us 2 seconds at most

/**
 * Lets go of a program's stdout and stderr once it has ended and nothing more comes.
 * What it started in the background may hold the other ends open for ever.
 */
export function releaseLingeringPipes(child: ChildProcess): void {
  const pipes = [child.stdout, child.stderr].filter((stream) => stream instanceof Socket);
  const bytesRead = () => pipes.reduce((sum, pipe) => sum + pipe.bytesRead, 0);
  let timer: NodeJS.Timeout | undefined;
  let seen = -1;
  let looks = 0;

  // Looked at after the poll phase: what waits in the pipes has been read then, however late this timer is.
  const look = () =>
    setImmediate(() => {
      looks += 1;
      if (bytesRead() === seen || looks === MAX_LOOKS) {
        for (const pipe of pipes) pipe.destroy();
        return;
      }
      seen = bytesRead();
      timer = setTimeout(look, QUIET_MS);
    });
  child.once('exit', look);
  child.once('close', () => clearTimeout(timer));
}
