// Stands for node:child_process in core's edges and in execa.
import * as real from 'node:child_process';
import { basename } from 'node:path';
import { named, reach } from './death.ts';

export * from 'node:child_process';

export const spawn = ((file: string, args: readonly string[], options: real.SpawnOptions) => {
  const name = named(`run ${wordsOf(file, args)}`);
  reach('before', name);
  const child = real.spawn(file, args, options);
  reach('begun', name);
  child.prependOnceListener('exit', () => reach('after', name));
  return child;
}) as typeof real.spawn;

/** Of a program in a mount namespace, the program: what comes before has paths without end. */
function wordsOf(file: string, args: readonly string[]): string {
  const within = args.indexOf('--');
  const shown = basename(file) === 'unshare' && within !== -1 ? ['--', ...args.slice(within + 1)] : args;
  return [basename(file), ...shown].join(' ');
}
