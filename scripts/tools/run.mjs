import { spawnSync } from 'node:child_process';
import { ToolError } from './tool-error.mjs';

const TAIL_CHARS = 2000;

/** Runs a program to its end and gives what it printed; its own last words are in the error when it fails. */
export function run(file, args, { cwd, env = {}, remedy = '', accept = [0] } = {}) {
  const result = spawnSync(file, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...env },
  });
  if (result.error === undefined && accept.includes(result.status)) return { stdout: result.stdout, stderr: result.stderr, status: result.status };
  const words = result.error?.message ?? `${result.stdout}${result.stderr}`.slice(-TAIL_CHARS).trim();
  const ending = result.signal === null ? `ended with ${result.status}` : `was ended by ${result.signal}`;
  throw new ToolError(
    undefined,
    `"${[file, ...args].join(' ')}" ${result.error === undefined ? ending : 'could not run'}:\n${indent(words)}`,
    remedy,
    result.error,
  );
}

export const isThere = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

const indent = (text) => text.replace(/^/gm, '    ');
