import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Event } from '../../core/model/event.ts';
import { NEWS_KINDS } from '../../core/model/news.ts';
import { type FinishedRun, isNotable, newsOf } from '../../core/policy/news.ts';
import { digestOf, newsFor } from '../../core/policy/news-digest.ts';
import { type NewsSubject, testNews } from '../../core/policy/news-text.ts';
import { lifeInOutage } from '../../core/policy/outage-news.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 14, 3, 17);

const lineage = 'shop';
const life = { notBeforeMs: NOW - 60 * DAY, notAfterMs: NOW + 30 * DAY };
const shop: NewsSubject = { name: lineage, names: ['shop.example.com', 'www.shop.example.com'], life };
const tried = (failures: number) => ({ failures, lastAtMs: NOW, lastCode: 'ACME_CHALLENGE_FAILED', notBeforeMs: NOW + 4 * HOUR });
const run: FinishedRun = { events: [], startedAtMs: NOW - 60_000, nowMs: NOW, isFirst: false };

const newsAbout = (events: readonly Event[], subject: NewsSubject = shop) => newsOf({ ...run, events }, new Map([[subject.name, subject]]));
const failed = (code: string, during: 'renewal' | 'deployment' = 'renewal'): Event => ({
  type: 'failed',
  lineage,
  during,
  fault: { code, message: 'it did not work', hint: 'Mend it.' },
});
const renewed: Event = { type: 'renewed', lineage, version: 8, notAfterMs: NOW + 90 * DAY };
const pending: Event = { type: 'pending', lineage, version: 8, live: 7, deployAtMs: NOW + 10 * DAY };
const deployed: Event = { type: 'deployed', lineage, version: 8, servers: ['nginx 1.26.2 at /usr/local/nginx'] };
const revoked: Event = {
  type: 'revoked',
  lineage,
  version: 7,
  by: 'http://ocsp.ca.example/',
  revokedAtMs: NOW - 5 * HOUR,
  cause: 'keyCompromise',
};
const served: Event = { ...deployed, type: 'already-served' };
const notDue = (reason: string, what: 'renewal' | 'deployment' = 'renewal'): Event => ({ type: 'not-due', lineage, what, reason });
const person: Event = { type: 'needs-person', lineage, authenticator: 'manual' };
const nearlyOver: NewsSubject = { ...shop, life: { notBeforeMs: NOW - 85 * DAY, notAfterMs: NOW + 5 * DAY } };

const ofHook = (hook: 'pre' | 'post' | 'deployed', lineages: readonly string[] = [lineage]): Event => ({
  type: 'hook-failed',
  hook,
  lineages,
  fault: {
    code: 'EXEC_HOOK_FAILED',
    message: `The ${hook} hook of ${lineages.join(', ')} failed: /usr/local/bin/push --to lb1: it ended with exit code 4\nssh: connect to host lb1 port 22: No route to host`,
    hint: 'It comes from /etc/certkit/certkit.yaml:7. Run it by hand to see more; docs/hooks.md says what it is told.',
  },
  ...(hook === 'deployed' ? { tries: 2, nextTryMs: NOW + 2 * HOUR } : {}),
});

const table: readonly [string, readonly Event[], NewsSubject, readonly string[]][] = [
  ['nothing due is no news', [notDue('late-in-life'), notDue('nothing-pending', 'deployment')], shop, []],
  ['renewed', [renewed], shop, ['renewed']],
  ['renewed and waiting is one item', [renewed, pending], shop, ['waiting']],
  ['renewed and deployed are two, for who hears of one of them', [renewed, deployed], shop, ['renewed', 'deployed']],
  ['a server that was owed is proven at last', [served], shop, ['deployed']],
  ['served here, failing there: the failure alone', [served, failed('INSTALLER_REJECTED', 'deployment')], shop, ['deployment-failed']],
  ['newly served here, failing there: both', [failed('INSTALLER_REJECTED', 'deployment'), deployed], shop, ['deployment-failed', 'deployed']],
  ['a renewal that failed', [failed('ACME_UNREACHABLE')], shop, ['renewal-failed']],
  [
    'two faults of one deployment are one item',
    [failed('INSTALLER_REJECTED', 'deployment'), failed('INSTALLER_NO_SITE', 'deployment')],
    shop,
    ['deployment-failed'],
  ],
  ['an authenticator that cannot', [failed('PLUGIN_UNABLE')], shop, ['needs-you']],
  ['an authenticator that needs a person', [person], shop, ['needs-you']],
  [
    "a CA that failed for one lineage is that lineage's news",
    [{ ...failed('ACME_UNREACHABLE'), ca: 'https://ca.example/dir' } as Event],
    shop,
    ['renewal-failed'],
  ],
  ['waiting for the CA, with time left', [notDue('ca-resting')], shop, []],
  ['waiting for the CA in the last week', [notDue('ca-resting')], nearlyOver, ['expiring']],
  ['waiting for its turn in the last week', [notDue('budget')], nearlyOver, ['expiring']],
  ['a change of structure', [failed('INSTALLER_DRIFT', 'deployment')], shop, ['needs-you']],
  ['a plugin that is gone', [failed('PLUGIN_NOT_FOUND')], shop, ['plugin-refused']],
  ['held, with time left', [notDue('held')], shop, []],
  ['held in the last week', [notDue('held')], nearlyOver, ['expiring']],
  ['rolled back from in the last week', [notDue('rejected', 'deployment')], nearlyOver, ['expiring']],
  ['due later in the last week, as somebody set it', [notDue('renew-before')], nearlyOver, []],
  ['deployed, and a hook failed: both', [deployed, ofHook('deployed')], shop, ['deployed', 'hook-failed']],
  ['a pre hook that stopped the renewal is told by it', [ofHook('pre'), failed('EXEC_HOOK_FAILED')], shop, ['renewal-failed']],
  ['a pre hook that stopped no renewal', [ofHook('pre'), deployed], shop, ['deployed', 'hook-failed']],
  ['revoked and replaced', [revoked, renewed, deployed], shop, ['revoked', 'renewed', 'deployed']],
  ['revoked, and the CA gives no other', [revoked, failed('ACME_UNREACHABLE')], shop, ['revoked', 'renewal-failed']],
  ['revoked and held', [revoked, notDue('held')], shop, ['revoked']],
  ['not known whether it is revoked', [{ type: 'revocation-unclear', lineage, version: 7, because: 'x' }, notDue('late-in-life')], shop, []],
  ['failing in the last week: not expiring besides', [failed('ACME_UNREACHABLE'), notDue('held', 'deployment')], nearlyOver, ['renewal-failed']],
];
for (const [title, events, subject, kinds] of table) {
  test(`news: ${title}`, () => {
    expect(newsAbout(events, subject).map(({ kind }) => kind)).toEqual(kinds);
    if (kinds.length > 0) expect(events.some(isNotable)).toBe(true);
  });
}

test('a run with nothing due has no notable event', () => {
  expect([notDue('late-in-life'), notDue('nothing-pending', 'deployment'), { type: 'surveyed', server: 'x', lineages: [] } as const].some(isNotable)).toBe(
    false,
  );
});

test('tries are counted when this run booked them, and not when an earlier one did', () => {
  expect(newsAbout([failed('ACME_UNREACHABLE')], { ...shop, renewal: tried(3) })).toMatchObject([
    { failures: 3, nextTryMs: NOW + 4 * HOUR, expiresAtMs: life.notAfterMs },
  ]);
  const [earlier] = newsAbout([failed('STORE_UNREADABLE')], { ...shop, renewal: { ...tried(1), lastAtMs: run.startedAtMs - DAY } });
  expect(earlier).not.toHaveProperty('failures');
});

test('a lineage nobody can read, and a failed recovery of none, are told all the same', () => {
  const recovery: Event = { type: 'failed', during: 'recovery', fault: { code: 'STORE_UNFINISHED', message: 'm', hint: 'h' } };
  expect(newsOf({ ...run, events: [failed('STORE_UNREADABLE'), recovery] }, new Map())).toMatchObject([
    { kind: 'renewal-failed', lineage, title: 'shop was not renewed' },
    { kind: 'needs-you', title: 'a run that was cut off needs you' },
  ]);
});

test('who hears that it is deployed does not hear besides that it is renewed', () => {
  const items = newsAbout([renewed, deployed]);
  expect(newsFor({ on: NEWS_KINDS }, items).map(({ kind }) => kind)).toEqual(['deployed']);
  expect(newsFor({ on: ['renewed'] }, items).map(({ kind }) => kind)).toEqual(['renewed']);
});

test('a channel hears of its kinds and lineages, and of what concerns no single lineage', () => {
  const items = [...newsAbout([pending, renewed, deployed]), testNews()];
  const all = { on: NEWS_KINDS };
  expect(newsFor(all, items)).toEqual(items);
  expect(newsFor({ on: ['deployed'] }, items).map(({ kind }) => kind)).toEqual(['deployed']);
  expect(newsFor({ ...all, lineages: ['blog'] }, items).map(({ kind }) => kind)).toEqual(['test']);
  expect(newsFor({ ...all, lineages: ['blog', 'shop'] }, items)).toEqual(items);
});

/** What somebody reads who has never heard of certkit: fixtures/news has each whole. */
const challenge = {
  code: 'ACME_CHALLENGE_FAILED',
  message:
    'The CA could not validate shop.example.com by http-01 (urn:ietf:params:acme:error:unauthorized): 192.0.2.7: Invalid response from http://shop.example.com/.well-known/acme-challenge/x: 404',
  hint: 'The words say what the CA saw. The proof was published from this machine: does the name lead here?',
};
const rejected = {
  code: 'INSTALLER_REJECTED',
  message: 'nginx 1.26.2 at /usr/local/nginx refuses its configuration:\nnginx: [emerg] unknown directive "listne" in /usr/local/nginx/conf/conf.d/shop.conf:3',
  hint: "The words are the server's own.",
};
const drift: Event = { type: 'drift', lineage, server: 'nginx 1.26.2 at /usr/local/nginx', what: ['shop.example.com: ssl_certificate names another file'] };

const texts: readonly [string, readonly Event[], NewsSubject][] = [
  ['renewed', [renewed], shop],
  ['waiting', [renewed, pending], shop],
  ['deployed', [drift, deployed], { ...shop, life: { notBeforeMs: NOW, notAfterMs: NOW + 90 * DAY } }],
  ['renewal-failed', [{ type: 'failed', lineage, during: 'renewal', fault: challenge, nextTryMs: NOW + 4 * HOUR }], { ...shop, renewal: tried(3) }],
  [
    'deployment-failed',
    [
      { type: 'undone', lineage, servers: ['nginx 1.26.2 at /usr/local/nginx'] },
      { type: 'failed', lineage, during: 'deployment', fault: rejected },
    ],
    { ...nearlyOver, deployment: tried(2) },
  ],
  ['needs-you', [person], shop],
  [
    'plugin-refused',
    [
      {
        ...failed('PLUGIN_NOT_FOUND'),
        fault: { code: 'PLUGIN_NOT_FOUND', message: 'No authenticator named "dns-acme" is installed', hint: 'Known: standalone, webroot.' },
      } as Event,
    ],
    shop,
  ],
  ['hook-failed', [ofHook('deployed')], shop],
  ['hook-failed-once', [ofHook('post', ['shop', 'blog'])], shop],
  ['expiring', [notDue('held', 'deployment')], nearlyOver],
  ['revoked', [revoked, renewed, deployed], shop],
  ['revoked-held', [revoked, notDue('held')], shop],
  ['expired', [notDue('held')], { ...shop, life: { notBeforeMs: NOW - 91 * DAY, notAfterMs: NOW - DAY } }],
];
const at = { host: 'web1.example.com', atMs: NOW };
const messageOf = ({ title, text }: { readonly title: string; readonly text: string }) => `Subject: ${title}\n\n${text}`;
for (const [name, events, subject] of texts) {
  test(`the message: ${name}`, async () => {
    await expect(messageOf(digestOf(newsAbout(events, subject), at))).toMatchFileSnapshot(`../../fixtures/news/${name}.txt`);
  });
}
test('the message of a CA that failed for several: one item, with what waits for it', async () => {
  const ca = 'https://ca.example/directory';
  const fault = {
    code: 'ACME_UNREACHABLE',
    message: `The CA at ${ca} cannot be reached: nobody listens there (ECONNREFUSED)`,
    hint: 'Check the address and the network.',
  };
  const events = [shop.name, 'blog'].map(
    (name): Event => ({ type: 'failed', lineage: name, during: 'renewal', fault, ca, caFailures: 3, nextTryMs: NOW + 4 * HOUR }),
  );
  const subjects = new Map([
    [shop.name, { ...shop, renewal: tried(3) }],
    ['blog', { name: 'blog', names: ['blog.example.com'] }],
  ]);
  const items = newsOf({ ...run, events: [...events, { ...notDue('ca-resting'), lineage: 'third', ca } as Event] }, subjects);
  expect(items).toMatchObject([{ kind: 'renewal-failed', ca, code: 'ACME_UNREACHABLE', failures: 3, nextTryMs: NOW + 4 * HOUR, expiresAtMs: life.notAfterMs }]);
  expect(items[0]).not.toHaveProperty('lineage');
  await expect(messageOf(digestOf(items, at))).toMatchFileSnapshot('../../fixtures/news/outage.txt');
});

test('what expires first decides how urgent an outage is, tried or not', () => {
  const ca = 'https://ca.example/directory';
  const fault = { code: 'ACME_UNREACHABLE', message: 'm', hint: 'h' };
  const events: readonly Event[] = [
    { type: 'failed', lineage: 'new', during: 'renewal', fault, ca },
    { type: 'not-due', lineage: 'late', what: 'renewal', reason: 'ca-resting', ca },
    { type: 'not-due', lineage: 'soon', what: 'renewal', reason: 'ca-resting', ca },
    { type: 'not-due', lineage: 'other', what: 'renewal', reason: 'ca-resting', ca: 'https://other.example/directory' },
  ];
  const lasting = (name: string, days: number) => [name, { name, names: [], life: { ...life, notAfterMs: NOW + days * DAY } }] as const;
  const subjects = new Map([lasting('late', 9), lasting('soon', 3), lasting('other', 1)]);
  expect(lifeInOutage(ca, events, subjects)?.notAfterMs).toBe(NOW + 3 * DAY);
  expect(newsOf({ ...run, events }, subjects)[0]).toMatchObject({ ca, expiresAtMs: NOW + 3 * DAY });
});

test('the message: a post hook that could not be called says that it stays to be called', () => {
  const unsafe: Event = { type: 'hook-failed', hook: 'post', lineages: [lineage], fault: { code: 'STORE_UNSAFE', message: 'm', hint: 'h' } };
  expect(newsAbout([unsafe])[0]?.text).toContain('"certkit recover" calls it at once');
  expect(newsAbout([ofHook('post')])[0]?.text).toContain('It is not called again for this run.');
});

test('the page about notifications shows a message as it is', () => {
  const [message, page] = ['../../fixtures/news/renewal-failed.txt', '../../docs/notifications.md'].map((path) =>
    readFileSync(new URL(path, import.meta.url), 'utf8'),
  );
  expect(page).toContain(message);
});
const broken = {
  code: 'STORE_UNREADABLE',
  message: '/etc/certkit/certkit.yaml:4: renew_before: "soon": a length of time is wanted',
  hint: 'Mend the file; it holds for all lineages.',
};
test('the message: run-failed', async () => {
  await expect(messageOf(digestOf(newsOf({ ...run, stopped: broken }, new Map()), at))).toMatchFileSnapshot('../../fixtures/news/run-failed.txt');
});
test('what stopped the whole run is told once, not again for each lineage; what went on besides is told as well', () => {
  const asWell: Event = { type: 'failed', lineage, during: 'renewal', fault: broken };
  const items = newsOf({ ...run, events: [asWell, { ...deployed, lineage: 'blog' }], stopped: broken }, new Map());
  expect(items.map(({ kind, lineage: name }) => [kind, name])).toEqual([
    ['run-failed', undefined],
    ['deployed', 'blog'],
  ]);
});
test('the message: recovery', async () => {
  const fault = {
    code: 'STORE_UNFINISHED',
    message: 'the deployment of shop could not be recovered: /usr/local/nginx/conf/conf.d/shop.conf was changed by somebody else',
    hint: 'Mend what is named and run "certkit recover".',
  };
  const events: readonly Event[] = [{ type: 'failed', during: 'recovery', fault }];
  await expect(messageOf(digestOf(newsOf({ ...run, events }, new Map()), at))).toMatchFileSnapshot('../../fixtures/news/recovery.txt');
});
test('the message: first-run', async () => {
  await expect(messageOf(digestOf(newsOf({ ...run, isFirst: true }, new Map()), at))).toMatchFileSnapshot('../../fixtures/news/first-run.txt');
});
test('the message: test', async () => {
  await expect(messageOf(digestOf([testNews()], at))).toMatchFileSnapshot('../../fixtures/news/test.txt');
});

test('the message of several: what asks for somebody first, and the subject counts', async () => {
  const blog: NewsSubject = { name: 'blog.example.com', names: ['blog.example.com'], life };
  const subjects = new Map([shop, blog].map((subject) => [subject.name, subject]));
  const good = [renewed, pending].map((event) => ({ ...event, lineage: blog.name }) as Event);
  const bad: Event = { type: 'failed', lineage, during: 'renewal', fault: challenge };
  const digest = digestOf(newsOf({ ...run, events: [...good, bad] }, subjects), at);
  expect(digest).toMatchObject({ urgent: true, title: '[certkit] web1.example.com: 1 not renewed, 1 renewed, deployed later' });
  await expect(messageOf(digest)).toMatchFileSnapshot('../../fixtures/news/several.txt');
});
