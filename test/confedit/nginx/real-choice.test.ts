import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadGraph } from '../../../core/confedit/nginx/graph.ts';
import { type ServerSurvey, surveyServers } from '../../../core/confedit/nginx/servers.ts';
import { encodeWord } from '../../../core/confedit/nginx/words.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { layoutStock } from '../../parts/nginx-stock.ts';
import { freePort } from '../../parts/ports.ts';
import { fuzzing, generator, pickFrom, type Random } from '../random.ts';

const { seed, rounds } = fuzzing(30);

const EXACT = [
  'example.com',
  'a.example.com',
  'b.a.example.com',
  'www.example.org',
  'aa.example.com',
  'Example.COM',
  'localhost',
  '_',
  '',
  'a..b',
  '.',
  'example.com.',
  '\u00e9.example.com',
];
const WILDCARDS = [
  '*.example.com',
  '.example.com',
  '*.a.example.com',
  '.a.example.com',
  '*.com',
  '.com',
  'a.*',
  'www.example.*',
  'www.*',
  'example.*',
  '*',
  '*.*',
  'a*.com',
  'www.exam*',
];
/** Alike in PCRE and JavaScript, different, and only PCRE's. */
const REGEXES = [
  '^(?<sub>a|b)\\.',
  "^(?'sub'www)\\.",
  '^(?P<sub>w+)\\.example',
  'EXAMPLE\\.org$',
  '^(?i)WWW',
  '^[[:alpha:]]+\\.com$',
  '^[^]a]+$',
  '^[a\\-c]{2}\\.',
  '^(.)\\1\\.',
  '\\.com\\Z',
  '\\Aexample',
  '^\\w{1,2}\\.',
  '^\\S+?\\.org$',
  '(?=b)b\\.a',
  '(?<=a\\.)example',
  '(?<!\\.)example\\.com$',
  '^(?:a|www)\\.(?!example\\.org)',
  '^\\x61',
  '^$',
  '.',
  '^(?>a+)\\.',
  '^a++\\.',
  '\\Qa.e\\E',
  '(?x) ^ a',
  '^(?|a|b)\\.',
  '^a{,2}\\.',
  '^(?#note)w',
  '(a)?(?(1)\\.|w)',
  '^(a|b(?1))\\.',
  '\\ba\\b',
  '^\\h',
  '^\\pL',
  '[\\w-z]+$',
  '^a{',
  ']',
  'a\\Kb',
  '^\\x{61}',
  '^\\o{141}',
  '\\N\\.com',
  '[[:punct:]]',
  '^[\\d\\-x]',
  '(*UTF)^a',
  '^(?<n>a)\\k<n>',
  '^(?i:A)\\.',
  '^(?s).\\.',
  '^\\e',
  '\\R$',
  '^[a-\\d]',
  '^(?^:a)',
  '[]]|^b',
];
const HOSTS = [
  'example.com',
  'a.example.com',
  'A.EXAMPLE.com',
  'b.a.example.com',
  'c.b.a.example.com',
  'x.example.com',
  'aa.example.com',
  'aa.com',
  'www.example.org',
  'www.example.co.uk',
  'example.com.',
  'com',
  'a.com',
  'localhost',
  '_',
  'b',
  'example.org:8080',
  '1.example.com',
  'xn--e1aybc',
  'x_y.org',
];
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '::1'];

let nginx: NginxLayout;
let port: number;
beforeAll(async () => {
  nginx = await layoutStock();
  port = await freePort();
});
afterAll(() => nginx.stop());

test(`the server that the real nginx chooses, or "unknown", seed ${seed}`, { timeout: 60_000 + rounds * 2000 }, async () => {
  const random = generator(seed);
  const told = { chosen: 0, unknown: 0 };
  for (let done = 0; done < rounds; ) {
    const servers = Array.from({ length: 3 + random(6) }, (_, index) => serverText(random, index));
    nginx.writeFile(nginx.conf, configText(nginx, servers));
    if (!nginx.test().ok) continue;
    done++;
    const survey = surveyServers(await loadGraph(nginx.conf, fileReader), { startedByRoot: true, hostname: 'localhost' });
    await nginx.start();
    try {
      for (const address of ADDRESSES) {
        for (const host of [undefined, ...HOSTS]) {
          const ours = oursFor(survey, address, host);
          told[ours === 'unknown' ? ours : 'chosen']++;
          if (ours !== 'unknown') expect(ours, `CERTKIT_FUZZ_SEED=${seed}, ${host} at ${address}\n${servers.join('\n')}`).toBe(await ask(address, host));
        }
      }
    } finally {
      await nginx.halt();
    }
  }
  expect(told.unknown).toBeLessThan(told.chosen / 2);
});

function serverText(random: Random, index: number): string {
  const some = (most: number, make: () => string) => Array.from({ length: random(most + 1) }, make);
  const listens = new Set(
    ['', ...some(2, () => '')].map(() =>
      pickFrom(random, [`${port}`, `*:${port}`, `127.0.0.1:${port}`, `127.0.0.2:${port}`, `127.0.0.2:${port}`, `[::1]:${port}`, `[::]:${port}`]),
    ),
  );
  const names = some(5, () => pickFrom(random, [pickFrom(random, EXACT), pickFrom(random, WILDCARDS), `~${pickFrom(random, REGEXES)}`]));
  const listenText = [...listens].map((listen) => `listen ${listen}${random(6) === 0 ? ' default_server' : ''};`).join(' ');
  const namesText = names.length === 0 ? '' : `server_name ${names.map((name) => encodeWord(name)).join(' ')};`;
  return `server { ${listenText} ${namesText} return 200 "${index}"; }`;
}

/** A server at a port of its own tells when nginx is there. */
function configText({ pidFile, httpPort, root }: NginxLayout, servers: readonly string[]): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${root}/run/${name};`).join(' ');
  return `pid ${pidFile};\nevents {}\nhttp { access_log off; ${folders}\n${servers.join('\n')}\nserver { listen 127.0.0.1:${httpPort}; } }\n`;
}

function oursFor(survey: ServerSurvey, address: string, host: string | undefined): string {
  const chosen = survey.choose({ kind: 'ip', address, port, name: host?.replace(/:\d+$/, '') ?? '' });
  return chosen.outcome === 'chosen' ? String(survey.servers.indexOf(chosen.server)) : chosen.outcome;
}

/** What the server says over HTTP; `none` where nobody listens. */
function ask(address: string, host: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.once('connect', () => socket.write(`GET / HTTP/1.0\r\n${host === undefined ? '' : `Host: ${host}\r\n`}\r\n`));
    socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? resolve('none') : reject(error)));
    socket.once('end', () => resolve(/^HTTP\/1\.1 200 .*\r\n\r\n(.*)$/s.exec(answer)?.[1] ?? answer));
  });
}
