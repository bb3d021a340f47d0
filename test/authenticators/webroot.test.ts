import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticatorCases } from 'certkit/kit';
import type { HttpTask } from 'certkit/plugin';
import { afterEach, beforeEach, expect, test } from 'vitest';
import webroot from '../../authenticators/webroot/webroot.ts';
import { createAuthenticator } from '../../plugins/guard.ts';
import { authenticatorContext } from '../plugins/authenticator-context.ts';
import { disk } from '../plugins/disk.ts';
import { expected, proofAt, taskFor } from './http-subject.ts';

const never = new AbortController().signal;
const context = authenticatorContext({ files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } });

let root: string;
let site: Server;
let port: number;

beforeEach(async () => {
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

const make = (options: Record<string, unknown> = { root }) => createAuthenticator(webroot as never, options, context);

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

test('a root that is not there is an error, and is not made', async () => {
  const missing = join(root, 'misspelt');
  await expect(make({ root: missing }).present([taskFor('example.com', 'token-a')], never)).rejects.toThrow(
    expect.objectContaining({ code: 'PLUGIN_PRESENT_FAILED', message: expect.stringContaining(`${missing} is not a directory`) }),
  );
  expect(await readdir(root)).toEqual([]);
});

test('a root that is a link to a directory is that directory', async () => {
  const link = join(root, 'current');
  await symlink(root, link);
  await make({ root: link }).present([taskFor('example.com', 'token-a')], never);
  expect(await proofAt(port, taskFor('example.com', 'token-a'))).toBe('token-a.thumbprint');
});

test('when one proof cannot be written, every other write has ended before the failure is told', async () => {
  let ended = false;
  const files = {
    ...disk,
    beneath: () => ({
      create: async (path: string) => {
        if (path.endsWith('token-a')) throw new Error('no space left');
        await new Promise((done) => setTimeout(done, 20));
        ended = true;
      },
      remove: async () => {},
    }),
  };
  const presenting = createAuthenticator(webroot as never, { root }, { ...context, files }).present(
    [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')],
    never,
  );
  await expect(presenting).rejects.toThrow('no space left');
  expect(ended).toBe(true);
});

test('without a root it is not made', () =>
  expect(() => make({})).toThrow(expect.objectContaining({ code: 'PLUGIN_OPTION_INVALID', hint: expect.stringContaining('--webroot-root') })));
