import { describe, expect, test } from 'vitest';
import { insertIntoBlock, removeDirective, replaceArgument } from '../../../core/confedit/nginx/edits.ts';
import { directiveAt, nameAt, TOP, type Tree } from '../../../core/confedit/nginx/tree.ts';
import { applyEdits } from '../../../core/confedit/nginx/verify.ts';
import { blocksAround } from '../../../core/confedit/nginx/walk.ts';
import { sameBytes } from '../../../core/confedit/splice.ts';
import { surveyOf } from './files.ts';
import { treeOf } from './trees.ts';

// What takes time in proportion to the square of its size, or stack in proportion to its depth, does not come to an end here.

const DEEP = 50_000;
const SITES = 20_000;
const MANY = 300_000;

/** Inserted, written otherwise, and taken out again: three edits, each held against its plan. */
function editAndBack(tree: Tree, parent: number, position: Parameters<typeof insertIntoBlock>[3]): void {
  const insert = insertIntoBlock(tree, parent, [{ words: ['added', 'a'] }], position);
  const inserted = applyEdits(tree, [insert]);
  if (!inserted.ok || insert.change.kind !== 'insert') throw new Error(inserted.ok ? 'an insertion' : inserted.because);
  const added = insert.change.before;
  const replaced = applyEdits(inserted.tree, [replaceArgument(inserted.tree, added, 0, 'b c')]);
  expect(replaced.ok && directiveAt(replaced.tree, added).args).toEqual(['b c']);
  const back = applyEdits(inserted.tree, [removeDirective(inserted.tree, added)]);
  expect(back.ok && sameBytes(back.bytes, tree.bytes)).toBe(true);
}

describe.each([
  ['on one line', ' '],
  ['on lines', '\n'],
])(`${DEEP} blocks, one within another, %s`, (_, gap) => {
  const text = `${`a {${gap}`.repeat(DEEP)}${`}${gap}`.repeat(DEEP)}`;

  test('are read and edited, at the top and at the bottom', () => {
    const tree = treeOf(text);
    expect(tree.size).toBe(DEEP);
    editAndBack(tree, DEEP - 1, 'last');
    editAndBack(tree, 0, 'first');
    editAndBack(tree, TOP, 'last');
  });

  test('are surveyed', async () => {
    const survey = await surveyOf({
      '/etc/nginx/nginx.conf': `http { server { server_name deep; ${text} } server { ${'if (a) {'.repeat(DEEP)} include broken; ${'}'.repeat(DEEP)} } }`,
      '/etc/nginx/broken': '}',
    });
    expect(survey.servers.map(({ names }) => names.map(({ text }) => text))).toEqual([['deep'], ['']]);
    expect(survey.servers.map((server) => survey.faultsOf(server).length)).toEqual([0, 1]);
    const [fault] = survey.graph.faults;
    expect(fault?.place === undefined ? 0 : blocksAround(fault.place).length).toBe(DEEP + 2);
  });
});

test.each([
  ['on lines', '\n'],
  ['on one line', ' '],
])(`a map of ${MANY} entries %s is read and edited`, (_, gap) => {
  const tree = treeOf(`map $host $to {${gap}${Array.from({ length: MANY }, (_, at) => `host${at}.example /to/${at};${gap}`).join('')}}\n`);
  expect(tree.size).toBe(MANY + 1);
  editAndBack(tree, 0, { after: MANY >> 1 });
});

test(`a block of ${MANY} comments is edited`, () => {
  const tree = treeOf(`server { # one\n${'# another\n'.repeat(MANY)}}\n`);
  const edited = applyEdits(tree, [insertIntoBlock(tree, 0, [{ words: ['added'] }], 'last')]);
  expect(edited.ok).toBe(true);
});

test(`${SITES} edits of one file are one change`, () => {
  const tree = treeOf('server {\n  listen 80;\n}\n'.repeat(SITES));
  const servers = Array.from({ length: tree.size }, (_, index) => index).filter((index) => nameAt(tree, index) === 'server');
  const edited = applyEdits(tree, [
    ...servers.map((index) => insertIntoBlock(tree, index, [{ words: ['added'] }], 'last')),
    ...servers.map((index) => replaceArgument(tree, index + 1, 0, '81')),
  ]);
  expect(edited.ok && edited.tree.size).toBe(3 * SITES);
});

describe(`${SITES} servers in one file`, () => {
  const site = (at: number) =>
    `server {\n  listen 80;\n  listen 127.0.0.${1 + (at % 200)}:443 ssl;\n  server_name s${at}.example *.w${at}.example;\n${at % 2 === 0 ? `  ssl_certificate /c/${at};\n` : ''}}\n`;
  const text = `http {\nssl_certificate /all;\n${Array.from({ length: SITES }, (_, at) => site(at)).join('')}}\n`;

  test('are surveyed, each with what is in force for it, where it listens, and who is chosen', async () => {
    const survey = await surveyOf({ '/etc/nginx/nginx.conf': text });
    expect(survey.servers).toHaveLength(SITES);
    const wrong = survey.servers.filter((server, at) => {
      const [certificate] = survey.effective(server, 'ssl_certificate');
      const chosen = survey.choose({ kind: 'ip', address: '192.0.2.1', port: 80, name: `x.w${at}.example` });
      const isChosen = chosen.outcome === 'chosen' && chosen.server === server;
      return !isChosen || survey.addressesOf(server).length !== 2 || certificate?.governs.length !== (at % 2 === 0 ? 1 : SITES / 2);
    });
    expect(wrong).toEqual([]);
  });

  test('hide what they hide where the file cannot be read', async () => {
    const survey = await surveyOf({ '/etc/nginx/nginx.conf': 'http { include sites; }', '/etc/nginx/sites': `${text}}` });
    expect(survey.graph.faults).toHaveLength(1);
    expect(Array.from({ length: SITES }, (_, at) => survey.faultsHiding(`a.w${at}.example`).length)).toEqual(new Array(SITES).fill(1));
    expect(survey.faultsHiding('a.b.c.example')).toEqual([]);
  });
});

test('a file that is included by every one of many files', async () => {
  const files = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`/etc/nginx/s/${at}`, `server { server_name s${at}; include shared; }`]));
  const survey = await surveyOf({ ...files, '/etc/nginx/nginx.conf': 'http { include s/*; }', '/etc/nginx/shared': 'ssl_certificate /c;' });
  expect(survey.servers).toHaveLength(5000);
  expect(survey.servers.map((server) => survey.effective(server, 'ssl_certificate')[0]?.governs.length)).toEqual(new Array(5000).fill(5000));
});

test('more files than a call takes arguments', async () => {
  const includes = 'include s;\n'.repeat(99_000);
  const { graph } = await surveyOf({ '/etc/nginx/nginx.conf': includes, '/etc/nginx/s': '' });
  expect(graph.faults).toEqual([]);
  expect(graph.files).toHaveLength(2);
});
