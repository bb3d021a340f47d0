import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticatorCases } from 'certkit/kit';
import type { Authenticator, Dns, ForeseeingAuthenticator, HttpTask, Identifier, Receipt } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import webroot from '../../authenticators/webroot/webroot.ts';
import { createHttpCheck } from '../../core/edges/http-check.ts';
import { createAuthenticator } from '../../plugins/guard.ts';
import { freePort } from '../parts/ports.ts';
import { authenticatorContext } from '../plugins/authenticator-context.ts';
import { disk } from '../plugins/disk.ts';
import { expected, proofAt, taskFor } from './http-subject.ts';

const never = new AbortController().signal;
let warnings: string[] = [];
const unasked = () => Promise.reject(new Error('not asked here'));
/** Every name is at this machine. */
const dns: Dns = { addresses: async () => ['127.0.0.1'], place: unasked, txt: unasked };
const context = authenticatorContext({
  files: disk,
  programs: { run: () => Promise.reject(new Error('it runs no program')) },
  log: { debug() {}, warn: (text) => void warnings.push(text) },
  dns,
  http: createHttpCheck({ dns }),
});

let root: string;
let site: Server;
let port: number;

beforeEach(async () => {
  warnings = [];
  root = await mkdtemp(join(tmpdir(), 'certkit-webroot-'));
  site = createServer(async (request, response) => {
    const body = await readFile(join(root, request.url ?? '')).catch(() => undefined);
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  port = (site.address() as AddressInfo).port;
});

afterEach(async () => {
  site.closeAllConnections();
  await new Promise((done) => site.close(done));
  await rm(root, { recursive: true, force: true });
});

const make = (options: Record<string, unknown> = { root }): Authenticator<'http-01'> =>
  createAuthenticator(webroot as never, { 'check-port': port, ...options }, context);
const foresee = (authenticator: object, identifiers: readonly Identifier[]) =>
  'foresee' in authenticator ? (authenticator as ForeseeingAuthenticator).foresee(identifiers, never) : Promise.reject(new Error('it foresees nothing'));

for (const { title, run } of authenticatorCases) {
  test(`webroot ${title}`, () =>
    run({
      authenticator: make(),
      later: make(),
      proofsOutliveProcess: true,
      tasks: [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')],
      expected,
      observe: (task: HttpTask) => proofAt(port, task),
    }));
}

test('a proof can be read by a server that runs as somebody else', async () => {
  await make().present([taskFor('example.com', 'token-a')], never);
  expect((await stat(join(root, '.well-known/acme-challenge/token-a'))).mode & 0o777).toBe(0o644);
});

test('a wildcard is not for it, an IP address is', () => {
  expect(make().assess({ kind: 'dns', value: '*.example.com', wildcard: true })).toEqual({
    able: false,
    because: expect.stringContaining('dns authenticator'),
  });
  expect(make().assess({ kind: 'ip', value: '192.0.2.1', wildcard: false })).toEqual({ able: true, challenges: ['http-01'] });
});

test('for a name without a root, what the server serves is wanted', () => {
  const named = make({ root: { 'a.example.com': root } });
  const assessed = (value: string) => named.assess({ kind: 'dns', value, wildcard: false });
  expect(assessed('a.example.com')).toEqual({ able: true, challenges: ['http-01'] });
  expect(assessed('b.example.com')).toEqual({ able: true, challenges: ['http-01'], wants: 'served-path', wayOut: '--webroot-root b.example.com=DIRECTORY' });
});

test('each name has its proof below its own root, or where the server serves it from', async () => {
  await Promise.all(['a', 'others', 'mapped'].map((name) => mkdir(join(root, name))));
  const authenticator = make({ root: { 'a.example.com': join(root, 'a'), others: join(root, 'others') } });
  const [a, b] = [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')];
  await authenticator.present([a, b], never);
  expect(await readFile(join(root, 'a/.well-known/acme-challenge/token-a'), 'utf8')).toBe('token-a.thumbprint');
  expect(await readFile(join(root, 'others/.well-known/acme-challenge/token-b'), 'utf8')).toBe('token-b.thumbprint');

  const c = { ...taskFor('c.example.com', 'token-c'), served: { root: join(root, 'mapped'), path: '.' } };
  const d = { ...taskFor('d.example.com', 'token-d'), served: { root: join(root, 'mapped'), path: '.well-known/acme-challenge' } };
  await make({}).present([c, d], never);
  expect(await readFile(join(root, 'mapped/token-c'), 'utf8')).toBe('token-c.thumbprint');
  expect(await readFile(join(root, 'mapped/.well-known/acme-challenge/token-d'), 'utf8')).toBe('token-d.thumbprint');
});

test('a proof is found again by its receipt, whatever the options are by then', async () => {
  const task = taskFor('example.com', 'token-a');
  const [receipt] = await make().present([task], never);
  await make({ root: '/nowhere' }).remove(task, receipt as Receipt);
  expect(await readdir(root)).toEqual([]);
});

test('a receipt that is for something else is not believed', async () => {
  const task = taskFor('example.com', 'token-a');
  await writeFile(join(root, 'index.html'), 'theirs');
  await make().present([task], never);
  await expect(make().remove(task, { root: join(root, 'elsewhere'), path: '../token-a' })).rejects.toMatchObject({ code: 'STORE_ESCAPE' });
  await make().remove(task, { root, path: 'index.html' });
  expect(await readdir(root)).toEqual(['index.html']);
});

test('a root that is not there is an error for its names alone, told beforehand as well, and is not made', async () => {
  const missing = join(root, 'misspelt');
  const error = expect.objectContaining({
    code: 'PLUGIN_PRESENT_FAILED',
    message: expect.stringContaining(`for a.example.com: ${missing} is not a directory`),
  });
  const authenticator = make({ root: { 'a.example.com': missing, others: root } });
  const [a, b] = [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')];
  await expect(foresee(authenticator, [a.identifier, b.identifier])).rejects.toThrow(error);
  expect(await authenticator.present([a, b], never)).toEqual([error, { root, path: '.well-known/acme-challenge/token-b' }]);
  await authenticator.remove(b);
  expect(await readdir(root)).toEqual([]);
});

test('a root that only the configuration of the server names and that is not there is told as such', async () => {
  const served = { root: join(root, 'gone'), path: '.well-known/acme-challenge' };
  const [presented] = await make({}).present([{ ...taskFor('example.com', 'token-a'), served }], never);
  expect(presented).toMatchObject({ message: expect.stringContaining('gone is not a directory'), hint: expect.stringContaining('make the directory') });
});

test('a root that is a link to a directory is that directory', async () => {
  const link = join(root, 'current');
  await symlink(root, link);
  await make({ root: link }).present([taskFor('example.com', 'token-a')], never);
  expect(await proofAt(port, taskFor('example.com', 'token-a'))).toBe('token-a.thumbprint');
});

test('without a root and without a place that a server serves, it says how to name one', async () => {
  const [presented] = await make({}).present([taskFor('example.com', 'token-a')], never);
  expect(presented).toMatchObject({ code: 'PLUGIN_PRESENT_FAILED', hint: expect.stringContaining('--webroot-root example.com=DIRECTORY') });
});

describe('the look before the CA is told', () => {
  test('a proof that is elsewhere than the server looks fails alone, with what was seen and where it was put', async () => {
    const elsewhere = join(root, 'elsewhere');
    await mkdir(elsewhere);
    const authenticator = make({ root: { 'a.example.com': elsewhere, others: root } });
    const [a, b] = [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')];
    expect(await authenticator.present([a, b], never)).toEqual([
      expect.objectContaining({
        code: 'PLUGIN_PRESENT_FAILED',
        message: expect.stringMatching(
          /for a\.example\.com at \S+\/elsewhere\/\.well-known\/acme-challenge\/token-a, and that is not .*: 127\.0\.0\.1:\d+ answered 404/,
        ),
        hint: expect.stringContaining('--no-webroot-check'),
      }),
      { root, path: '.well-known/acme-challenge/token-b' },
    ]);
  });

  test('is not made where it is not wanted', async () => {
    site.close();
    const elsewhere = join(root, 'elsewhere');
    await mkdir(elsewhere);
    expect(await make({ root: elsewhere, check: false }).present([taskFor('example.com', 'token-a')], never)).toEqual([
      expect.objectContaining({ root: elsewhere }),
    ]);
    expect(warnings).toEqual([]);
  });

  test('that meets nobody is a warning', async () => {
    const nobody = await freePort();
    expect(await make({ root, 'check-port': nobody }).present([taskFor('example.com', 'token-a')], never)).toEqual([expect.objectContaining({ root })]);
    expect(warnings).toEqual([expect.stringMatching(/^the proof for example\.com could not be looked at from here.*nobody answers at 127\.0\.0\.1/)]);
  });
});

test('when one proof cannot be written, every other has been before that is told', async () => {
  await mkdir(join(root, '.well-known/acme-challenge/token-a'), { recursive: true });
  const presented = await make().present([taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')], never);
  expect(presented).toEqual([expect.objectContaining({ code: 'STORE_ESCAPE' }), expect.objectContaining({ root })]);
  expect(await proofAt(port, taskFor('b.example.com', 'token-b'))).toBe('token-b.thumbprint');
});

test('stopped while proofs are being published, it ends what it began and says so', async () => {
  const stop = new AbortController();
  const http = {
    look: async () => {
      stop.abort(new Error('enough'));
      return { kind: 'right' as const };
    },
  };
  const tasks = Array.from({ length: 50 }, (_, at) => taskFor(`${at}.example.com`, `token-${at}`));
  const authenticator = createAuthenticator(webroot as never, { root }, { ...context, http });
  await expect(authenticator.present(tasks, stop.signal)).rejects.toThrow('enough');
  for (const task of tasks) await authenticator.remove(task);
  expect(await readdir(root)).toEqual([]);
});
