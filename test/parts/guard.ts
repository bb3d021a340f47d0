import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Runs a shell command when this process has ended in any way, `kill -9` included: a shell waits for the end of a pipe that we hold.
 *
 * @param script - for `sh`; sees `args` as "$1", "$2"
 * @returns ends the guard without running the command
 */
export function guard(script: string, args: readonly string[]): () => void {
  const shell = spawn('sh', ['-c', `read -r _ && exit 0; ${script}`, 'guard', ...args], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as Socket).unref();
  return () => void shell.stdin.end('done\n');
}
