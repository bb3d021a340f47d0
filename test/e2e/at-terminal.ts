import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/core/start.cjs', import.meta.url));

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What the person does once they have read that, in this order: they type a text, perhaps after doing as the screen says. */
  readonly answers?: readonly (readonly [read: RegExp, typed: string | ((screen: string) => Promise<string>)])[];
}

export interface AtTerminal {
  readonly exitCode: number | null;
  /** What the terminal showed. */
  readonly screen: string;
}

/** Runs certkit at a terminal of its own, as util-linux's `script` gives one. */
export function atTerminal(home: string, args: readonly string[], { env = {}, answers = [] }: TerminalOptions = {}): Promise<AtTerminal> {
  const quoted = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', quoted, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', TERM: 'dumb', CERTKIT_HOME: home, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const rest = [...answers];
  let screen = '';
  let unread = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    const [next] = rest;
    const found = next?.[0].exec(screen.slice(unread));
    if (next === undefined || !found) return;
    rest.shift();
    unread = screen.length;
    const [, typed] = next;
    void (typeof typed === 'string' ? Promise.resolve(typed) : typed(screen)).then((text) => child.stdin.write(text));
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      child.stdin.end();
      resolve({ exitCode, screen: screen.replaceAll('\r\n', '\n') });
    });
  });
}
