import { command } from 'certkit/options';
import { defineNotifier } from 'certkit/plugin';
import { digestDocument } from './digest-document.ts';
import { reasonOf, undelivered } from './undelivered.ts';

const TIMEOUT_MS = 50_000;

export default defineNotifier({
  name: 'command',
  summary: 'Runs a program of yours, which gets the news as JSON on its standard input',
  options: { run: command('The program and its arguments; no shell reads them', { required: true }) },

  create: ({ run: [program = '', ...args] }, { programs }) => ({
    async notify(digest, signal) {
      try {
        await programs.run(program, args, { input: `${JSON.stringify(digestDocument(digest))}\n`, signal, timeoutMs: TIMEOUT_MS });
      } catch (thrown) {
        throw undelivered('command', reasonOf(thrown), 'It gets the news as one line of JSON on its standard input, and has to end with exit code 0.');
      }
    },
  }),
});
