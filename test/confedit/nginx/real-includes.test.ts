import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadGraph } from '../../../core/confedit/nginx/graph.ts';
import { encodeWord } from '../../../core/confedit/nginx/words.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { pathOf, tool } from '../../parts/tools.ts';
import { fuzzing, generator, pickFrom, type Random } from '../random.ts';

const { seed, rounds } = fuzzing(300);
const PATTERNS_A_TREE = 20;

const NAMES = [
  'a',
  'b.conf',
  '.b.conf',
  'B.conf',
  'a b',
  '[a]',
  'a]',
  'a[',
  'a-c',
  '\\',
  'a\\b',
  '*',
  '?',
  '!',
  '^',
  '\u00e9',
  'a\u00e9.conf',
  '10',
  '9',
  'a.conf~',
  '{a,b}',
  '~',
  "'",
  '"a',
];
const DIRECTORIES = ['d', 'd.d', 'D', 'd e', '.d', '[d]', 'd\\'];
const PATTERN_PIECES = [
  'a',
  'b',
  'd',
  'D',
  '.',
  '*',
  '**',
  '?',
  '[',
  ']',
  '[a-c]',
  '[!a]',
  '[^d]',
  '[]a]',
  '[a-',
  '[[:alpha:]]',
  '[[:digit:]x]',
  '[[.a.]]',
  '[[=a=]]',
  '[c-a]',
  '[\\]]',
  '[\\a-c]',
  '\\',
  '\\*',
  '\\\\',
  '/',
  '/',
  '/',
  '//',
  '.conf',
  '*.conf',
  ' ',
  '\u00e9',
  '..',
  '../',
  './',
  '~',
  '{a,b}',
];

let binary: string;
let dir: TempDir;
beforeAll(async () => {
  binary = pathOf(await tool('nginx-source'), 'nginx');
  dir = tempDir();
});
afterAll(() => dir.remove());

test(`the same files in the same order as the real nginx, seed ${seed}`, { timeout: 60_000 + rounds * 40 }, async () => {
  const random = generator(seed);
  let alike = 0;
  for (let done = 0; done < rounds; done++) {
    const root = join(dir.path, 'tree');
    if (done % PATTERNS_A_TREE === 0) {
      rmSync(root, { recursive: true, force: true });
      plant(root, random);
    }
    const pattern = Array.from({ length: 1 + random(5) }, () => pickFrom(random, PATTERN_PIECES))
      .join('')
      .replace(/\\*\/+$|\\+(?=\/)/g, ''); // what is meant by a slash that is escaped or comes last is told by no manual
    const main = join(root, 'nginx.conf');
    writeFileSync(main, `events {}\ninclude ${encodeWord(pattern)};\n`);

    const { status, stdout, stderr } = spawnSync(binary, ['-T', '-q', '-e', 'stderr', '-p', root, '-c', main, '-g', 'pid /dev/null;'], { encoding: 'utf8' });
    const graph = await loadGraph(main, fileReader);
    const ours = graph.faults.length > 0 ? 'refused' : graph.files.map(({ path }) => path);
    const theirs = status === 0 ? [...stdout.matchAll(/^# configuration file (.*):$/gm)].map(([, path]) => path) : 'refused';
    expect(ours, `CERTKIT_FUZZ_SEED=${seed}, include ${JSON.stringify(pattern)}, ${stderr}${graph.faults.map(({ message }) => message)}`).toEqual(theirs);
    if (theirs.length > 1) alike++;
  }
  expect(alike).toBeGreaterThan(rounds / 10);
});

/** Some files, directories and links, among them links that lead nowhere. */
function plant(root: string, random: Random): void {
  for (const folder of ['', ...DIRECTORIES.filter(() => random(2) === 0)]) {
    mkdirSync(join(root, folder), { recursive: true });
    for (const name of NAMES) {
      const path = join(root, folder, name);
      const kind = random(12);
      if (kind < 5) writeFileSync(path, `# ${name.length}\n`);
      else if (kind === 5) symlinkSync('nowhere', path);
      else if (kind === 6) symlinkSync('../nginx.conf', path);
      else if (kind === 7) symlinkSync(join(root, 'd'), path);
    }
  }
}
