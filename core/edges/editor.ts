import { spawn } from 'node:child_process';
import { fault } from '../errors.ts';
import { commandLine } from './command-line.ts';
import { endedWith } from './program-fault.ts';
import { reasonOf, systemCode } from './system-error.ts';

/** Where the person named none: what Debian chooses by, then what POSIX has everywhere. */
const USUAL: readonly (readonly string[])[] = [['sensible-editor'], ['editor'], ['vi'], ['nano']];

export interface EditorNeeds {
  /** The words of the person's own editor, the program first. */
  readonly words?: readonly string[];
  /** The PATH that editors are looked up in. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/**
 * Opens a file in an editor at the terminal that this process has, with the environment that it has: an editor goes by TERM, LANG and HOME.
 * Resolves when the editor has ended well. No shell has a part in it.
 *
 * @throws EXEC_NOT_FOUND, EXEC_FAILED, or the signal's reason
 */
export function createEditor({ words, path, signal }: EditorNeeds): (file: string) => Promise<void> {
  const env = { ...process.env, PATH: path };
  const candidates = words === undefined ? USUAL : [words];

  return async (file) => {
    for (const [program = '', ...args] of candidates) {
      const ending = await endingOf(program, [...args, file]);
      if (ending === 'missing') continue;
      signal.throwIfAborted();
      if (ending !== undefined) throw fault('EXEC_FAILED', { command: commandLine([program, ...args, file]), outcome: ending, stderrTail: '' });
      return;
    }
    throw fault('EXEC_NOT_FOUND', { file: candidates.map(([program]) => program).join(', ') });
  };

  /** `undefined` when it ended well. */
  function endingOf(program: string, args: readonly string[]): Promise<string | undefined> {
    signal.throwIfAborted();
    return new Promise((resolve) => {
      const child = spawn(program, args, { env, stdio: 'inherit', signal });
      child.once('error', (error) => {
        if (child.pid === undefined) resolve(systemCode(error) === 'ENOENT' ? 'missing' : `it could not be started: ${reasonOf(error)}`);
      });
      // Of an editor that is told to stop the end is awaited: the terminal is its own until then.
      child.once('close', (exitCode, killed) => resolve(exitCode === 0 ? undefined : exitCode === null ? `it was ended by ${killed}` : endedWith(exitCode)));
    });
  }
}
