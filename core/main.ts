import { setMaxListeners } from 'node:events';
import { fstatSync } from 'node:fs';
import { join } from 'node:path';
import { certkit } from './cli/program.ts';
import { fault } from './errors.ts';

/** Set by the build. */
declare const CERTKIT_VERSION: string;

const stopping = new AbortController();
setMaxListeners(0, stopping.signal); // each lineage under way listens to it
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // A second one ends us at once. It is listened for: while a program runs, execa ends a process whose signals nobody hears.
    process.once(signal, () => process.kill(process.pid, signal));
    stopping.abort(fault('USAGE_INTERRUPTED', { signal }));
  });
}

let hasSpoken = false;

void certkit({
  argv: process.argv.slice(2),
  env: process.env,
  uid: process.getuid?.() ?? 0,
  version: CERTKIT_VERSION,
  packageRoot: join(import.meta.dirname, '../..'),
  signal: stopping.signal,
  terminal: {
    out(text) {
      // A reader that left, as `head` does, is no reason to stop half-way.
      if (!hasSpoken) process.stdout.on('error', () => {});
      hasSpoken = true;
      process.stdout.write(text);
    },
    err: (text) => void process.stderr.write(text),
    // To ask a stream opens it, which loads Node's sockets: not before it can be a terminal at all.
    interactive: [0, 2].every((descriptor) => fstatSync(descriptor).isCharacterDevice()) && process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const answer = lines.question(question, { signal: stopping.signal });
      const end = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
      return Promise.race([answer, end]).finally(() => lines.close());
    },
  },
}).then((exitCode) => {
  process.exitCode = exitCode;
});
