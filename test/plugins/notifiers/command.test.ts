import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import command from '../../../plugins/notifiers/command.ts';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { badNews } from './news.ts';
import { script } from './script.ts';
import { failureOf, make, never } from './subject.ts';

let dir: TempDir;

beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

test('the program gets its arguments as they stand, and the digest as one line of JSON', async () => {
  const run = [script(dir.path, 'tell', `printf '%s\\n' "$@" > ${dir.path}/args\ncat > ${dir.path}/news`), '--to', 'a $HOME; b'];
  await make(command, { run }).notify(badNews, never);
  expect(readFileSync(join(dir.path, 'args'), 'utf8')).toBe('--to\na $HOME; b\n');
  const news = readFileSync(join(dir.path, 'news'), 'utf8');
  expect(news.indexOf('\n')).toBe(news.length - 1);
  expect(JSON.parse(news)).toEqual({ schema: 1, ...badNews });
});

test('a program that does not read its input is no failure', async () => {
  const large = { ...badNews, text: 'x'.repeat(1_000_000) };
  await make(command, { run: [script(dir.path, 'deaf', 'exec 0<&-\nexit 0')] }).notify(large, never);
});

test('another exit code is an error with the end of what it said', async () => {
  const failure = await failureOf(
    make(command, { run: [script(dir.path, 'bad', 'cat > /dev/null\necho "pager is down" >&2\nexit 3')] }).notify(badNews, never),
  );
  expect(failure).toEqual({
    code: 'PLUGIN_NOTIFY_FAILED',
    message: `command could not carry the news: ${dir.path}/bad: it ended with exit code 3\npager is down`,
    hint: 'It gets the news as one line of JSON on its standard input, and has to end with exit code 0.',
  });
});

test('a program that is not there is an error with its name', async () => {
  const failure = await failureOf(make(command, { run: 'no-such-pager --now' }).notify(badNews, never));
  expect(failure).toMatchObject({ code: 'PLUGIN_NOTIFY_FAILED', message: expect.stringContaining('no-such-pager') });
});

test('what only a shell understands is refused', () => {
  expect(() => make(command, { run: 'jq .title | mail root' })).toThrow('Option "run" of command');
});
