import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/core/main.js', import.meta.url));

export interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the child's output as it comes. */
  readonly onOutput?: (soFar: string, child: { kill(signal: NodeJS.Signals): boolean; readonly pid?: number | undefined }) => void;
}

export interface Home {
  readonly path: string;
  /** Runs certkit as a person would: the built program in a process of its own. */
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  remove(): void;
}

/** A certkit home in a temporary directory. */
export function temporaryHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), 'certkit-home-'));
  const path = join(folder, 'home');
  return { path, run: (args, options) => runCertkit(path, args, options), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function runCertkit(home: string, args: readonly string[], { main = MAIN, env = {}, onOutput }: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    const heard = () => onOutput?.(stdout + stderr, child);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      heard();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      heard();
    });
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** All that was printed, for a test's message. */
export const printed = ({ exitCode, stdout, stderr }: Result): string => `exit ${exitCode}\n${stdout}\n${stderr}`;
