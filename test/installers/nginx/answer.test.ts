import type { ChangePlan, Identifier, ServerTask } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { endpointText } from '../../../core/model/site.ts';
import { planAnswers } from '../../../installers/nginx/answer.ts';
import { applied, CONF, type Files, surveyOf } from './literal.ts';

const taskOf = (value: string, lineage = 'one', token = `token-${value.replace(/\W/g, '_')}`): ServerTask => {
  const identifier: Identifier = /^[\d.:]+$/.test(value) ? { kind: 'ip', value, wildcard: false } : { kind: 'dns', value, wildcard: false };
  return { lineage, task: { type: 'http-01', lineage, identifier, token, keyAuthorization: `${token}.thumbprint` } };
};

const http = (...servers: readonly string[]): Files => ({ [CONF]: `events {}\nhttp {\n${servers.map((server) => `server { ${server} }\n`).join('')}}\n` });

async function planOf(files: Files, ...tasks: readonly ServerTask[]): Promise<ChangePlan> {
  return planAnswers(tasks, await surveyOf(files));
}

/** Which of the servers get an answer, by their place in the list, and where each is asked for. */
async function answeredBy(name: string, ...servers: readonly string[]): Promise<{ readonly servers: readonly number[]; readonly asked: readonly string[] }> {
  const files = http(...servers);
  const plan = await planOf(files, taskOf(name));
  const lines = (applied(files, plan)[CONF] ?? '').split('\n').slice(2);
  return {
    servers: servers.flatMap((_, at) => (lines[at]?.includes('acme-challenge') === true ? [at] : [])),
    asked: plan.serves.map(({ endpoint }) => endpointText(endpoint)),
  };
}

const table: readonly [title: string, name: string, servers: readonly string[], expected: object][] = [
  [
    'the block with the name, not its neighbour',
    'b.example',
    ['listen 80; server_name a.example;', 'listen 80; server_name b.example;'],
    { servers: [1], asked: ['0.0.0.0:80'] },
  ],
  ['the default, where no name matches', 'c.example', ['server_name a.example;', 'listen 80 default_server; server_name _;'], { servers: [1] }],
  ['a wildcard', 'x.a.example', ['server_name b.example;', 'server_name *.a.example;'], { servers: [1] }],
  ['the first of two patterns', 'xa.example', ['server_name b.example;', 'server_name ~^x;', 'server_name ~a;'], { servers: [1] }],
  [
    'each address, of IPv6 too',
    'a.example',
    ['listen 80; server_name a.example;', 'listen [::]:80; server_name a.example;'],
    { servers: [0, 1], asked: ['0.0.0.0:80', '[::]:80'] },
  ],
  [
    'port 80 alone, where something listens there',
    'a.example',
    ['listen 8080; server_name a.example;', 'listen 80; server_name b.example;'],
    { servers: [1], asked: ['0.0.0.0:80'] },
  ],
  [
    'any other port, where nothing listens at 80',
    'a.example',
    ['listen 8080; server_name a.example;', 'listen 443 ssl; server_name a.example;'],
    { servers: [0], asked: ['0.0.0.0:8080'] },
  ],
  [
    'any other port, where port 80 is for this machine alone',
    'a.example',
    ['listen 127.0.0.1:80; server_name localhost;', 'listen 8080; server_name a.example;'],
    { servers: [0, 1], asked: ['127.0.0.1:80', '0.0.0.0:8080'] },
  ],
  [
    'port 80 of one address, and what has the name at another port',
    'a.example',
    ['listen 192.0.2.7:80; server_name b.example;', 'listen 8080; server_name a.example;', 'listen 8081; server_name c.example;'],
    { servers: [0, 1], asked: ['192.0.2.7:80', '0.0.0.0:8080'] },
  ],
  [
    'port 80 of every address, not of this machine alone',
    'a.example',
    ['listen 127.0.0.1:80; server_name localhost;', 'listen 80; server_name a.example;'],
    { servers: [1], asked: ['0.0.0.0:80'] },
  ],
  ['what speaks both', 'a.example', ['listen 80; listen 443 ssl; server_name a.example;'], { servers: [0], asked: ['0.0.0.0:80'] }],
  ['no unix socket', 'a.example', ['listen unix:/run/a.sock; server_name a.example;', 'listen 80; server_name b.example;'], { servers: [1] }],
  ['an address by its number, as a name', '192.0.2.7', ['server_name a.example;', 'server_name 192.0.2.7;'], { servers: [1] }],
  ['an address by its number, at the default', '2001:db8::7', ['server_name a.example;', 'listen 80 default_server;'], { servers: [1] }],
];

for (const [title, name, servers, expected] of table) {
  test(`an answer is put into ${title}`, async () => expect(await answeredBy(name, ...servers)).toMatchObject(expected));
}

const refusals: readonly [title: string, files: Files, task: ServerTask, expected: { readonly kind: string; readonly because: RegExp }][] = [
  [
    'no block without TLS',
    http('listen 443 ssl; server_name a.example;'),
    taskOf('a.example'),
    { kind: 'no-site', because: /no server block answers a\.example without TLS/ },
  ],
  ['only a unix socket', http('listen unix:/run/a.sock; server_name a.example;'), taskOf('a.example'), { kind: 'no-site', because: /without TLS/ }],
  [
    'a pattern that only PCRE can judge',
    http('server_name b.example;', 'server_name "~(?i:a)(?#x)(*UCP)";'),
    taskOf('a.example'),
    { kind: 'unsupported', because: /PCRE/ },
  ],
  ['a token that is none', http('server_name a.example;'), taskOf('a.example', 'one', 'x; }'), { kind: 'unsupported', because: /characters/ }],
  [
    'a file that may hide the block',
    {
      [CONF]: 'events {}\nhttp {\ninclude /etc/nginx/broken.conf;\nserver { server_name b.example; }\n}\n',
      '/etc/nginx/broken.conf': 'server { server_name a.example; \n',
    },
    taskOf('a.example'),
    { kind: 'unreadable', because: /^\/etc\/nginx\/broken\.conf:2: / },
  ],
];

for (const [title, files, task, { kind, because }] of refusals) {
  test(`refused: ${title}`, async () => {
    const plan = await planOf(files, task);
    expect(plan).toMatchObject({ splices: [], serves: [], refusals: [{ lineage: 'one', kind, because: expect.stringMatching(because) }] });
    expect(plan.refusals[0]?.hint).toMatch(/\w+/);
  });
}

test('a refusal is of one lineage, and of all its names', async () => {
  const files = http('listen 80; server_name a.example;', 'listen 443 ssl; server_name b.example;', 'listen 80; server_name c.example;');
  const bad = { ...taskOf('b.example', 'bad', 'in valid') };
  const plan = await planOf(files, taskOf('a.example', 'bad'), bad, taskOf('c.example', 'good'));
  expect(plan.refusals.map(({ lineage }) => lineage)).toEqual(['bad']);
  expect(new Set(plan.splices.map(({ lineage }) => lineage))).toEqual(new Set(['good']));
});

test('one insertion for each block and lineage, with all its tokens', async () => {
  const files = http('listen 80; listen [::]:80; server_name a.example b.example;');
  const plan = await planOf(files, taskOf('a.example'), taskOf('b.example'), taskOf('b.example', 'two', 'another'));
  expect(plan.splices.map(({ lineage, insert }) => [lineage, insert.match(/location = /g)?.length])).toEqual([
    ['one', 2],
    ['two', 1],
  ]);
});

test('the same token asked of two lineages stands there once: nginx refuses a location twice', async () => {
  const plan = await planOf(http('server_name a.example;'), taskOf('a.example', 'one', 'same'), taskOf('a.example', 'two', 'same'));
  expect(plan.splices.map(({ lineage }) => lineage)).toEqual(['one']);
  expect(plan.serves.map(({ lineage }) => lineage)).toEqual(['one', 'two']);
});

test('an answer that is there already is not written again', async () => {
  const files = http('server_name a.example;');
  const plan = await planOf(files, taskOf('a.example'));
  expect(await planOf(applied(files, plan), taskOf('a.example'))).toMatchObject({ splices: [], refusals: [], serves: [{ name: 'a.example' }] });
});

test('a file that is included twice is edited once', async () => {
  const plan = await planOf(
    { [CONF]: 'events {}\nhttp {\ninclude a.conf;\ninclude a*.conf;\n}\n', '/etc/nginx/a.conf': 'server {\n\tserver_name a.example;\n}\n' },
    taskOf('a.example'),
  );
  expect(plan.splices).toHaveLength(1);
});
