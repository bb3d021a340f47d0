#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { certkit } from './cli/program.ts';
import { fault } from './errors.ts';

/** Set by the build. */
declare const CERTKIT_VERSION: string;

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stopping.abort(fault('USAGE_INTERRUPTED', { signal })));
}
// A reader that left, as `head` does, is no reason to stop half-way.
process.stdout.on('error', () => {});

process.exitCode = await certkit({
  argv: process.argv.slice(2),
  env: process.env,
  uid: process.getuid?.() ?? 0,
  version: CERTKIT_VERSION,
  packageRoot: fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, ''),
  signal: stopping.signal,
  terminal: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const answer = lines.question(question, { signal: stopping.signal });
      const end = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
      return Promise.race([answer, end]).finally(() => lines.close());
    },
  },
});
