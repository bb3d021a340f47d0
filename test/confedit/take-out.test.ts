import { expect, test } from 'vitest';
import { applySplices, latin1, type RawSplice } from '../../core/confedit/splice.ts';
import { rememberEdit, takeOut } from '../../core/confedit/take-out.ts';

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** Writes `insert` in place of `removed` and remembers it. */
function write(before: string, removed: string, insert: string, from = 0) {
  const offset = before.indexOf(removed, from);
  const splice: RawSplice = { offset, delete: removed.length, insert };
  const after = applySplices(bytesOf(before), [splice]);
  return { text: latin1(after), edit: rememberEdit(bytesOf(before), after, splice, offset) };
}

function taken(text: string, edits: readonly ReturnType<typeof rememberEdit>[]) {
  const { splices, stopped } = takeOut(bytesOf(text), edits);
  return { text: latin1(applySplices(bytesOf(text), splices)), stopped: stopped.length };
}

const SITE = 'server {\n    listen 80;\n    server_name a.example;\n    root /srv/a; # caf\u00e9\n}\n';
const OURS = '    listen 443 ssl;\n    ssl_certificate /live/a/fullchain.pem;\n    ssl_certificate_key /live/a/privkey.pem;\n';
const added = write(SITE, '    root', `${OURS}    root`); // an insertion and the word behind it
const lines = (() => {
  const offset = SITE.indexOf('    root');
  const splice = { offset, delete: 0, insert: OURS };
  const after = applySplices(bytesOf(SITE), [splice]);
  return { text: latin1(after), edit: rememberEdit(bytesOf(SITE), after, splice, offset) };
})();
const PAIR = 'server {\n    ssl_certificate "/old/a.crt"; # of 2019\n}\n';
const replaced = write(PAIR, '/old/a.crt', '/live/a/fullchain.pem');

const table: readonly [string, string, string, readonly ReturnType<typeof rememberEdit>[]][] = [
  ['lines that stand as they were written', lines.text, SITE, [lines.edit]],
  ['a word replaced', replaced.text, PAIR, [replaced.edit]],
  ['an insertion together with what is behind it', added.text, SITE, [added.edit]],
  ['lines below others that came since', `# new\n${lines.text}`, `# new\n${SITE}`, [lines.edit]],
  [
    'lines whose neighbours were changed',
    lines.text.replace('/srv/a', '/srv/b').replace('listen 80', 'listen 8080'),
    SITE.replace('/srv/a', '/srv/b').replace('listen 80', 'listen 8080'),
    [lines.edit],
  ],
  ['nothing where somebody has taken all of it out', SITE, SITE, [lines.edit]],
  [
    'nothing where somebody has put another path',
    replaced.text.replace('/live/a/fullchain.pem', '/other.crt'),
    PAIR.replace('/old/a.crt', '/other.crt'),
    [replaced.edit],
  ],
  [
    'what was only removed comes back between its neighbours',
    'a;\nb;\n',
    'a;\nssl_protocols TLSv1;\nb;\n',
    [write('a;\nssl_protocols TLSv1;\nb;\n', 'ssl_protocols TLSv1;\n', '').edit],
  ],
  ['bytes that are no UTF-8', write(SITE, '# caf\u00e9', '# x').text, SITE, [write(SITE, '# caf\u00e9', '# x').edit]],
];
for (const [title, now, expected, edits] of table) {
  test(`taken out: ${title}`, () => expect(taken(now, edits)).toEqual({ text: expected, stopped: 0 }));
}

test('an edit within an earlier edit: the newest goes first, and both are one way back', () => {
  const second = write(lines.text, '    ssl_certificate_key', '    # two\n    ssl_certificate_key');
  const third = write(second.text, '/live/a/privkey.pem', '/live/a/rsa/privkey.pem');
  expect(taken(third.text, [third.edit, second.edit, lines.edit])).toEqual({ text: SITE, stopped: 0 });
});

test('a path that was replaced twice goes back to what somebody had put in between, and no further', () => {
  const theirs = replaced.text.replace('/live/a/fullchain.pem', '/theirs.crt');
  const again = write(theirs, '/theirs.crt', '/live/a/fullchain.pem');
  expect(taken(again.text, [again.edit, replaced.edit])).toEqual({ text: theirs, stopped: 0 });
});

test('of two blocks of the same text the one that stands like ours is meant', () => {
  const other = `server {\n    listen 81;\n    server_name b.example;\n    root /srv/b;\n}\n`;
  const twin = other.replace('    root', `${OURS}    root`);
  expect(taken(twin + lines.text, [lines.edit])).toEqual({ text: twin + SITE, stopped: 0 });
  expect(taken(lines.text + twin, [lines.edit])).toEqual({ text: SITE + twin, stopped: 0 });
});

const changed: readonly [string, string, ReturnType<typeof rememberEdit>][] = [
  ['one of our lines was changed', lines.text.replace('listen 443 ssl;', 'listen 443 ssl http2;'), lines.edit],
  ['a line was put between ours', lines.text.replace('    ssl_certificate /', '    # mine\n    ssl_certificate /'), lines.edit],
  ['our path stands in another form', replaced.text.replace('"/live/a/fullchain.pem"', '/live/a/fullchain.pem'), replaced.edit],
  ['what was removed is needed and its place is gone', 'x;\ny;\n', write('a;\nssl_protocols TLSv1;\nb;\n', 'ssl_protocols TLSv1;\n', '').edit],
];
for (const [title, now, edit] of changed) {
  test(`nothing is taken out, and it is said: ${title}`, () => expect(taken(now, [edit])).toEqual({ text: now, stopped: 1 }));
}

test('a file of megabytes', () => {
  const filler = '# some comment of a line\n'.repeat(200_000);
  expect(taken(filler + lines.text + filler, [lines.edit])).toEqual({ text: filler + SITE + filler, stopped: 0 });
});

const HSTS = '    add_header Strict-Transport-Security max-age=300 always;\n';
const plainBlock = (name: string) => `server {\n    listen 80;\n    index index.html;\n    etag on;\n    server_name ${name}.example;\n    charset utf-8;\n}\n`;

/** Inserts the same into every block, and remembers each edit. */
function inEveryBlock(before: string, place: string, insert: string) {
  const edits: ReturnType<typeof rememberEdit>[] = [];
  let text = before;
  for (let from = text.indexOf(place); from !== -1; from = text.indexOf(place, from + insert.length + 1)) {
    const splice = { offset: from, delete: 0, insert };
    const after = applySplices(bytesOf(text), [splice]);
    edits.push(rememberEdit(bytesOf(text), after, splice, from));
    text = latin1(after);
  }
  return { text, edits };
}

test('of equal text in equal blocks only that of the block that is meant goes', () => {
  const { text, edits } = inEveryBlock(['a', 'b', 'c'].map(plainBlock).join(''), '    listen', HSTS);
  for (const [at, edit] of edits.entries()) {
    const blocks = ['a', 'b', 'c'].map((name, place) => (place === at ? plainBlock(name) : plainBlock(name).replace('    listen', `${HSTS}    listen`)));
    expect(taken(text, [edit])).toEqual({ text: blocks.join(''), stopped: 0 });
  }
});

test('what somebody has taken out himself is not taken out of another block that has the same', () => {
  const { text, edits } = inEveryBlock(plainBlock('a') + plainBlock('b'), '    charset', HSTS);
  const byHand = text.replace(HSTS, '');
  expect(taken(byHand, edits.slice(0, 1))).toEqual({ text: byHand, stopped: 0 });
});

test('a line that was taken out and put back by hand does not come twice', () => {
  const before = 'server {\n    a on;\n    ssl_protocols TLSv1;\n    b on;\n}\n';
  const { edit } = write(before, '    ssl_protocols TLSv1;\n', '');
  expect(taken(before, [edit])).toEqual({ text: before, stopped: 0 });
});
