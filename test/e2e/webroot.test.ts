import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene } from '../faults/support/scene.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';
import { type DirectoryServer, directoryServers } from './webroot-servers.ts';

for (const { title, open } of directoryServers) {
  describe(`through ${title}`, () => {
    let server: DirectoryServer;
    let pebble: Pebble;
    let home: Home;
    const roots = new Map<string, string>();

    beforeAll(async () => {
      server = await open();
      const { httpPort, httpsPort } = server;
      const add = (...site: Parameters<DirectoryServer['addSite']>) => roots.set(site[0].names[0] ?? '', server.addSite(...site));
      add({ names: ['plain.test'] });
      add({ names: ['secure.test'], redirectTo: `https://secure.test:${httpsPort}` });
      add({ names: ['www.moved.test'] });
      add({ names: ['moved.test'], redirectTo: `https://www.moved.test:${httpsPort}` });
      add({ names: ['fronted.test'], sendsProofsTo: `http://cdn.test:${httpPort}` });
      add({ names: ['cdn.test'], sendsProofsTo: `http://origin.test:${httpPort}` });
      add({ names: ['origin.test'] });
      add({ names: ['dots.test'], bansDotFiles: true });
      add({ names: ['circle.test'], sendsProofsTo: `http://circle.test:${httpPort}` });
      await server.start();
      pebble = await startPebble({ httpPort, tlsPort: httpsPort, authzReusePercent: 0 });
    });
    afterAll(async () => {
      await pebble?.stop();
      await server?.stop();
      home?.remove();
    });

    const run = async (names: readonly string[], ...flags: readonly string[]): Promise<Result> => {
      home?.remove();
      home = temporaryHome();
      mkdirSync(home.path, { mode: 0o700 });
      writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify({ resolvers: [pebble.dns?.address] }), { mode: 0o600 });
      const ca = ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
      return home.run([
        ...names.flatMap((name) => ['-d', name]),
        '--authenticator',
        'webroot',
        '--webroot-check-port',
        String(server.httpPort),
        ...flags,
        ...ca,
      ]);
    };
    const rootFlags = (...pairs: readonly (readonly [name: string, site: string])[]) =>
      pairs.flatMap(([name, site]) => ['--webroot-root', `${name}=${roots.get(site)}`]);
    const left = () => [...roots.values()].flatMap((root) => readdirSync(root).filter((name) => name !== 'index.html'));
    const answersAskedFor = () => pebble.requests().filter(({ path }) => path.startsWith('/chalZ/')).length;

    test('plain, redirected to https, to https and another name, and through a CDN and back: all in one certificate', async () => {
      const names = ['plain.test', 'secure.test', 'moved.test', 'www.moved.test', 'fronted.test'];
      const flags = rootFlags(
        ['plain.test', 'plain.test'],
        ['secure.test', 'secure.test'],
        ['moved.test', 'www.moved.test'],
        ['www.moved.test', 'www.moved.test'],
        ['fronted.test', 'origin.test'],
      );
      const result = await run(names, ...flags);
      expect(result.exitCode, printed(result)).toBe(0);
      expect(result.stderr).not.toContain('could not be looked at');
      expect(answersAskedFor()).toBeGreaterThanOrEqual(names.length);
      expect(left()).toEqual([]);
    });

    const refused: readonly [title: string, name: string, site: string, words: RegExp][] = [
      ['a root of another site', 'plain.test', 'origin.test', /that is not what a CA would find: 127\.0\.0\.1:\d+ \(".+"\) answered 404/],
      ['a rule against dotfiles', 'dots.test', 'dots.test', /answered 403.*begin with a dot/s],
      ['a circle', 'circle.test', 'circle.test', /redirects in a circle: http:\/\/circle\.test/],
    ];
    for (const [case_, name, site, words] of refused) {
      test(`${case_} is explained, and the CA is not told to look`, async () => {
        const asked = answersAskedFor();
        const result = await run([name], ...rootFlags([name, site]));
        expect(result.exitCode, printed(result)).toBe(3);
        expect(result.stderr).toMatch(words);
        expect(answersAskedFor()).toBe(asked);
        expect(left()).toEqual([]);
      });
    }

    test('one wrong root of two: the CA is told nothing, and both proofs go', async () => {
      const asked = answersAskedFor();
      const result = await run(['plain.test', 'origin.test'], ...rootFlags(['plain.test', 'origin.test'], ['origin.test', 'origin.test']));
      expect(result.exitCode, printed(result)).toBe(3);
      expect(answersAskedFor()).toBe(asked);
      expect(left()).toEqual([]);
    });

    test('a root that is not there is told before a CA is asked for anything', async () => {
      const before = pebble.requests().length;
      const result = await run(['plain.test'], '--webroot-root', '/srv/misspelt');
      expect(result.exitCode, printed(result)).toBe(3);
      expect(result.stderr).toMatch(/for plain\.test: \/srv\/misspelt is not a directory/);
      expect(pebble.requests().length).toBe(before);
    });

    test('behind NAT, where nobody answers from here: a warning, and the CA is asked', async () => {
      const result = await run(['plain.test'], ...rootFlags(['plain.test', 'plain.test']), '--webroot-check-port', String(await freePort()));
      expect(result.exitCode, printed(result)).toBe(0);
      expect(result.stderr).toMatch(/could not be looked at from here.*nobody answers at 127\.0\.0\.1/);
      expect(left()).toEqual([]);
    });

    test('not looked at where that is not wanted', async () => {
      const result = await run(['plain.test'], ...rootFlags(['plain.test', 'origin.test']), '--no-webroot-check');
      expect(result.exitCode, printed(result)).toBe(4);
      expect(result.stderr).not.toContain('what a CA would find');
      expect(left()).toEqual([]);
    });
  });
}

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const isProofThere = (root: string) => readdirSync(root).includes('.well-known');

describe('without a root', () => {
  const byWebroot = (port: number) => ({ plugin: 'webroot', 'check-port': port });

  test("each name's proof goes where the server has it, a mapped directory among them", async ({ onTestFinished }) => {
    const sites = [
      { names: ['plain.test'], tls: true },
      { names: ['mapped.test'], tls: true, extraHttp: '    location ^~ /.well-known/acme-challenge/ { alias /PROOFS/; }\n' },
    ];
    const scene = await openScene(ca, { sites, lineages: false, start: false }, onTestFinished);
    const proofs = join(scene.nginx.root, 'var/proofs');
    mkdirSync(proofs, { recursive: true });
    const [plain, mapped] = scene.sites;
    const conf = mapped?.httpConf ?? '';
    scene.nginx.writeFile(conf, scene.nginx.readFile(conf).replace('/PROOFS/', `${proofs}/`));
    await scene.nginx.start();
    scene.writeLineage({ name: 'both', names: ['plain.test', 'mapped.test'], webroot: '', more: { authenticator: byWebroot(scene.nginx.httpPort) } });
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(0);
    expect(result.words).not.toContain('could not be looked at');
    expect(readdirSync(proofs)).toEqual([]);
    expect(isProofThere(plain?.webroot ?? '')).toBe(false);
    scene.expectAtRest();
  });

  test('a name with a root of its own beside one without', async ({ onTestFinished }) => {
    const scene = await openScene(
      ca,
      {
        sites: [
          { names: ['own.test'], tls: true },
          { names: ['found.test'], tls: true },
        ],
        lineages: false,
      },
      onTestFinished,
    );
    const authenticator = { ...byWebroot(scene.nginx.httpPort), root: { 'own.test': scene.sites[0]?.webroot } };
    scene.writeLineage({ name: 'both', names: ['own.test', 'found.test'], webroot: '', more: { authenticator } });
    const result = await scene.certkit('renew');
    expect(result.exitCode, result.all).toBe(0);
    for (const { webroot } of scene.sites) expect(isProofThere(webroot)).toBe(false);
  });
});

describe('killed', () => {
  test('while the CA asks: the next run leaves nothing in the site', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [{ names: ['example.test'], tls: true }] }, onTestFinished);
    const root = scene.sites[0]?.webroot ?? '';
    const { running, seen } = scene.start('renew');
    await ca.pausesAt(scene.nginx.httpPort, () => running.kill('SIGKILL'));
    await seen;
    expect(isProofThere(root)).toBe(true);
    const next = await scene.certkit('renew');
    expect(next.exitCode, next.all).toBe(0);
    expect(isProofThere(root)).toBe(false);
    scene.expectAtRest();
  });

  test('while it looks for itself, before a receipt is on disk: recovery leaves nothing in the site', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [{ names: ['example.test'], tls: true }], lineages: false }, onTestFinished);
    const root = scene.sites[0]?.webroot ?? '';
    let kill = () => {};
    const silent = createServer(() => kill());
    onTestFinished(() => void silent.closeAllConnections());
    onTestFinished(() => void silent.close());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const authenticator = { plugin: 'webroot', root, 'check-port': (silent.address() as AddressInfo).port };
    scene.writeLineage({ name: 'example.test', webroot: root, more: { authenticator } });
    const { running, seen } = scene.start('renew');
    kill = () => running.kill('SIGKILL');
    await seen;
    expect(isProofThere(root)).toBe(true);
    const recovered = await scene.certkit('recover');
    expect(recovered.exitCode, recovered.all).toBe(0);
    expect(isProofThere(root)).toBe(false);
  });
});
