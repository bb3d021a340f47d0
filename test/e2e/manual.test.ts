import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';
import { atTerminal } from './at-terminal.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

const PROOFS = '/.well-known/acme-challenge/';

let pebble: Pebble;
let httpPort: number;
/** A server that certkit cannot see: it serves files of this folder. */
let site: Server;
let folder: string;

beforeAll(async () => {
  const [http = 0, tlsPort = 0] = await freePorts(2);
  httpPort = http;
  folder = mkdtempSync(join(tmpdir(), 'certkit-site-'));
  site = createServer(({ url = '' }, response) => {
    const file = join(folder, url.replace(PROOFS, '').replaceAll('/', ''));
    if (!url.startsWith(PROOFS) || !existsSync(file)) response.writeHead(404).end();
    else response.end(readFileSync(file));
  });
  await new Promise<void>((listening) => site.listen(httpPort, '127.0.0.1', listening));
  pebble = await startPebble({ httpPort, tlsPort, authzReusePercent: 0 });
});
afterEach(() => {
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
});
afterAll(async () => {
  site?.close();
  await pebble?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

function newHome(): Home {
  const home = temporaryHome();
  onTestFinished(() => home.remove());
  mkdirSync(home.path, { mode: 0o700 });
  writeFileSync(join(home.path, 'certkit.yaml'), `resolvers: ["${pebble.dns?.address}"]\n`, { mode: 0o600 });
  return home;
}

const job = (names: readonly string[]) => [
  ...names.flatMap((name) => ['-d', name]),
  ...['--authenticator', 'manual', '--manual-check-port', String(httpPort)],
  ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
];

function script(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'certkit-hook-')), name);
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
  onTestFinished(() => rmSync(join(path, '..'), { recursive: true }));
  return path;
}

/** As people have them for certbot. */
const hooks = () => [
  ...['--manual-auth-hook', script('authenticator.sh', `echo "$CERTBOT_VALIDATION" > ${folder}/$CERTBOT_TOKEN\n`)],
  ...['--manual-cleanup-hook', script('cleanup.sh', `rm -f ${folder}/$CERTBOT_TOKEN\n`)],
];

test('a person is shown what to create, and it is looked for before the CA is told', async () => {
  const home = newHome();
  let asked = 0;
  const { exitCode, screen } = await atTerminal(home.path, job(['hand.test', 'www.hand.test']), {
    answers: [
      [/Press Enter when/, '\n'], // too early
      [
        /Press Enter to look again/,
        async (shown) => {
          asked = pebble.requests().filter(({ path }) => path.startsWith('/chalZ/')).length;
          const wanted = [...shown.matchAll(/acme-challenge\/([\w-]+)\r?\n\s+([\w.-]+)\r?\n/g)];
          for (const [, token = '', content = ''] of wanted) writeFileSync(join(folder, token), `${content}\n`);
          return '\n';
        },
      ],
      [/Install a schedule/, 'n\n'],
    ],
  });
  expect(exitCode, screen).toBe(0);
  expect(asked).toBe(0);
  expect(screen).toMatch(/hand\.test: not seen: /);
  expect(screen).toMatch(/www\.hand\.test: what you created for it may go now/);
  expect(existsSync(join(home.path, 'live/hand.test/fullchain.pem'))).toBe(true);
});

test('hooks written for certbot prove names unattended, on a server that certkit cannot see', async () => {
  const home = newHome();
  const first = await home.run([...job(['hooked.test', 'www.hooked.test']), ...hooks()]);
  expect(first.exitCode, printed(first)).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  const again = await home.run(['renew', 'hooked.test', '--force']);
  expect(again.exitCode, printed(again)).toBe(0);
  expect(readdirSync(join(home.path, 'archive/hooked.test'))).toEqual(['0001', '0002']);
  expect(readdirSync(folder)).toEqual([]);
});

test('a lineage that is deleted takes its unfinished renewal along', async () => {
  const home = newHome();
  const first = await home.run([...job(['gone.test']), ...hooks()]);
  expect(first.exitCode, printed(first)).toBe(0);
  for (const [args, exitCode] of [
    [['set', 'gone.test', 'authenticator.auth-hook=/bin/false'], 0],
    [['renew', 'gone.test', '--force'], 6],
    [['delete', 'gone.test', '--yes'], 0],
  ] as const) {
    const result = await home.run(args);
    expect(result.exitCode, printed(result)).toBe(exitCode);
  }
  expect(readdirSync(join(home.path, 'state/journal'))).toEqual([]);
});

test('a proof that cannot be removed is in the journal once, however often its order is tried again', async () => {
  const home = newHome();
  const first = await home.run([...job(['stuck.test']), ...hooks()]);
  expect(first.exitCode, printed(first)).toBe(0);
  const set = await home.run(['set', 'stuck.test', 'authenticator.auth-hook=/bin/false', 'authenticator.cleanup-hook=/bin/false']);
  expect(set.exitCode, printed(set)).toBe(0);
  for (let tried = 0; tried < 3; tried += 1) expect((await home.run(['renew', 'stuck.test', '--force'])).exitCode).toBe(6);
  const journal = join(home.path, 'state/journal');
  expect(readdirSync(journal).flatMap((file) => JSON.parse(readFileSync(join(journal, file), 'utf8')).proofs)).toHaveLength(1);

  // The lineage goes another way: who made the proof is still the one to remove it.
  const otherwise = await home.run([...job(['stuck.test']), ...hooks()]);
  expect(printed(otherwise)).toContain('stuck.test: the http-01 proof for stuck.test, by manual, was not removed');
  const recovered = await home.run(['recover']);
  expect(recovered.exitCode, printed(recovered)).toBe(1);
  expect(printed(recovered)).not.toContain('Nothing to recover');
  const taken = await home.run(['recover', '--as-is']);
  expect(printed(taken)).toContain('/bin/false');
  const after = await home.run(['recover']);
  expect(after.exitCode, printed(after)).toBe(0);
  expect(after.stderr).toBe('');
});

test('a hook that fails costs no validation, and the other hook is called for what may stand', async () => {
  const home = newHome();
  const before = pebble.requests().filter(({ path }) => path.startsWith('/chalZ/')).length;
  const failing = script('failing.sh', `echo half > ${folder}/$CERTBOT_TOKEN\necho "the API said no" >&2\nexit 1\n`);
  const [, , flag = '', cleanup = ''] = hooks();
  const result = await home.run([...job(['failing.test']), '--manual-auth-hook', failing, flag, cleanup]);
  expect(result.exitCode, printed(result)).toBe(6);
  expect(result.stderr).toContain('the API said no');
  expect(pebble.requests().filter(({ path }) => path.startsWith('/chalZ/'))).toHaveLength(before);
  expect(readdirSync(folder)).toEqual([]);
});

test('killed while a proof stands: the next run calls the hook that removes it', async () => {
  const home = newHome();
  const waiting = script('waiting.sh', `echo "$CERTBOT_VALIDATION" > ${folder}/$CERTBOT_TOKEN\nwhile [ -e ${folder}/$CERTBOT_TOKEN ]; do sleep 0.1; done\n`);
  const [, , flag = '', cleanup = ''] = hooks();
  const running = home.start([...job(['killed.test']), '--manual-auth-hook', waiting, flag, cleanup]);
  while (readdirSync(folder).length === 0) await new Promise((turn) => setTimeout(turn, 20));
  running.kill('SIGKILL');
  await running.result;
  expect(readdirSync(folder)).toHaveLength(1);
  const recovered = await home.run(['recover']);
  expect(recovered.exitCode, printed(recovered)).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
});

test('without a terminal and without a hook it says so before anything is ordered', async () => {
  const home = newHome();
  const before = pebble.orders();
  const result = await home.run(job(['nobody.test']));
  expect(result.exitCode, printed(result)).toBe(3);
  expect(result.stderr).toContain('manual asks a person, and none is at a terminal');
  expect(pebble.orders()).toBe(before);
});
