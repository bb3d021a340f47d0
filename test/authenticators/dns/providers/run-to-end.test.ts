import { afterEach, beforeEach, expect, test } from 'vitest';
import { runToEnd } from '../../../../authenticators/dns/providers/run-to-end.ts';
import { createExecutor } from '../../../../core/edges/exec.ts';
import { type TempDir, tempDir } from '../../../parts/temp.ts';
import { script } from '../../../plugins/notifiers/script.ts';
import { failureOf, never } from './subject.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

const run = (lines: string, limitMs: number) =>
  runToEnd(createExecutor({ path: process.env.PATH ?? '' }), {
    provider: 'exec',
    zone: 'example.test',
    command: [script(dir.path, 'program', lines)],
    title: 'the program',
    secrets: ['s3cret'],
    limitMs,
    signal: never,
    missing: '',
  });

test('a program that does not end is stopped, and named as a person knows it', async () => {
  const { message } = await failureOf(run('exec sleep 600', 300));
  expect(message).toBe('exec could not change the records of example.test: the program did not end within 0.3 seconds and was stopped');
});

test('a program that is ended by a signal is a failure with what it said, without secrets', async () => {
  const { message } = await failureOf(run('echo "s3cret is wrong" >&2; kill -9 $$', 60_000));
  expect(message).toMatch(/ended by SIGKILL\n\*\*\*\* is wrong$/);
});

test('any exit code is an answer, with the last words: of stderr, or of stdout where that is silent', async () => {
  expect(await run('echo out; echo "s3cret err" >&2; exit 3', 60_000)).toEqual({ exitCode: 3, words: '**** err' });
  expect(await run('echo out; exit 200', 60_000)).toEqual({ exitCode: 200, words: 'out' });
  const { words } = await run('seq 1 1000 >&2', 60_000);
  expect(words).toMatch(/^\.\.\.[\s\S]*\n1000$/);
});
