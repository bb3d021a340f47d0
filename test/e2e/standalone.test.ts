import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startApache } from '../parts/apache.ts';
import { servedCertificate } from '../parts/handshake.ts';
import { startStockNginx } from '../parts/nginx.ts';
import { layoutCentmin } from '../parts/nginx-centmin.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { accepts, freePorts } from '../parts/ports.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

let port: number;
let tlsPort: number;
let pebble: Pebble;
let home: Home;

beforeAll(async () => {
  [port, tlsPort] = (await freePorts(2)) as [number, number];
  pebble = await startPebble({ httpPort: port, tlsPort, authzReusePercent: 0 });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  const made = temporaryHome();
  home = made;
  return () => made.remove();
});

const atPorts = () => ['--authenticator', 'standalone', '--standalone-port', `${port}`, '--standalone-tls-port', `${tlsPort}`];
const from = (ca: Pebble) => ['--server', ca.directoryUrl, '--ca-bundle', ca.caBundlePath, '--agree-tos'];
const obtain = (names: readonly string[], ...more: readonly string[]) =>
  home.run([...names.flatMap((name) => ['-d', name]), ...atPorts(), ...from(pebble), ...more]);

function expectGood(result: Result): Result {
  expect(result.exitCode, printed(result)).toBe(0);
  return result;
}

const namesIn = (lineage: string, pair = '.') =>
  new X509Certificate(readFileSync(join(home.path, 'live', lineage, pair, 'cert.pem'))).subjectAltName?.split(', ').sort();

async function expectClosed(): Promise<void> {
  expect([await accepts(port), await accepts(tlsPort)], 'a listener was left').toEqual([false, false]);
}

describe('a CA that validates for real', () => {
  for (const challenge of ['http-01', 'tls-alpn-01']) {
    test(`finds names and an address by ${challenge}`, async () => {
      const { stdout } = expectGood(await obtain(['one.test', 'two.test', '127.0.0.1'], '--standalone-challenge', challenge));
      expect(stdout).toContain(`${challenge} proof for `);
      expect(namesIn('one.test')).toEqual(['DNS:one.test', 'DNS:two.test', 'IP Address:127.0.0.1']);
      await expectClosed();
    });

    test.runIf(hasIpv6)(`finds an IPv6 address by ${challenge}`, async () => {
      expectGood(await obtain(['::1'], '--name', 'six', '--standalone-challenge', challenge));
      expect(namesIn('six')).toEqual(['IP Address:0:0:0:0:0:0:0:1']);
    });
  }

  test('is answered by http-01 when nothing is chosen', async () => {
    expect(expectGood(await obtain(['any.test'])).stdout).toContain('http-01 proof for any.test');
  });

  test('finds the proofs of two key types by tls-alpn-01, one after the other', async () => {
    expectGood(await obtain(['pair.test'], '--standalone-challenge', 'tls-alpn-01', '--key-type', 'ecdsa-p256', '--key-type', 'rsa-2048'));
    for (const pair of ['ecdsa', 'rsa']) expect(namesIn('pair.test', pair)).toEqual(['DNS:pair.test']);
    await expectClosed();
  });

  test('finds all lineages of one run, whatever their options and although they share names', async () => {
    const byTls = ['--standalone-challenge', 'tls-alpn-01'];
    expectGood(await obtain(['shared.test', 'a.test'], '--name', 'a', ...byTls));
    expectGood(await obtain(['shared.test', 'b.test'], '--name', 'b', ...byTls));
    expectGood(await obtain(['shared.test', 'c.test'], '--name', 'c'));
    expectGood(await obtain(['d.test'], '--name', 'd', '--standalone-challenge', 'http-01'));
    const result = expectGood(await home.run(['renew', '--force']));
    for (const name of ['a', 'b', 'c', 'd']) expect(result.stdout).toContain(`${name}: version 2 obtained`);
    await expectClosed();
  });
});

describe('behind a server that leads here what the CA asks', () => {
  const obtainThrough = (name: string, ca: Pebble, own: number, challenge: string) => {
    const ports = ['--standalone-port', `${own}`, '--standalone-tls-port', `${own}`, '--standalone-address', '127.0.0.1', '--standalone-challenge', challenge];
    return home.run(['-d', name, '--authenticator', 'standalone', ...ports, ...from(ca)]);
  };

  test('http-01: nginx forwards the path', async () => {
    const [own] = (await freePorts(1)) as [number];
    const extraHttp = `location /.well-known/acme-challenge/ { proxy_pass http://127.0.0.1:${own}; }`;
    const nginx = await startStockNginx({ sites: [{ names: ['proxied.test'], extraHttp }] });
    onTestFinished(() => nginx.stop());
    const ca = await startPebble({ httpPort: nginx.httpPort, tlsPort });
    onTestFinished(() => ca.stop());

    expectGood(await obtainThrough('proxied.test', ca, own, 'http-01'));
    expect(namesIn('proxied.test')).toEqual(['DNS:proxied.test']);
    expect(await accepts(own)).toBe(false);
  });

  test('http-01: Apache forwards the path', async () => {
    const [own] = (await freePorts(1)) as [number];
    const extraHttp = `ProxyPass /.well-known/acme-challenge/ http://127.0.0.1:${own}/.well-known/acme-challenge/\n`;
    const apache = await startApache({ modules: ['proxy', 'proxy_http'], sites: [{ names: ['proxied.test'], extraHttp }] });
    onTestFinished(() => apache.stop());
    const ca = await startPebble({ httpPort: apache.httpPort, tlsPort });
    onTestFinished(() => ca.stop());

    expectGood(await obtainThrough('proxied.test', ca, own, 'http-01'));
    expect(namesIn('proxied.test')).toEqual(['DNS:proxied.test']);
  });

  test('tls-alpn-01: nginx tells its connections by their protocol, and serves the others', async () => {
    const [own, front] = (await freePorts(2)) as [number, number];
    const nginx = await layoutCentmin();
    onTestFinished(() => nginx.stop());
    const site = nginx.addSite({ names: ['proxied.test'], tls: true });
    nginx.writeFile(nginx.conf, `${nginx.readFile(nginx.conf)}\n${byProtocol(front, own, nginx.httpsPort)}`);
    await nginx.start();
    const ca = await startPebble({ httpPort: port, tlsPort: front });
    onTestFinished(() => ca.stop());

    expectGood(await obtainThrough('proxied.test', ca, own, 'tls-alpn-01'));
    expect(namesIn('proxied.test')).toEqual(['DNS:proxied.test']);
    const [served] = await servedCertificate({ port: front, servername: 'proxied.test' });
    expect(served?.toString()).toBe(new X509Certificate(site.tls?.placeholderPem ?? '').toString());
  });

  /** As docs/authenticators.md has it. */
  const byProtocol = (front: number, standalone: number, site: number) => `
    stream {
      map $ssl_preread_alpn_protocols $leads_to {
        "acme-tls/1" 127.0.0.1:${standalone};
        default      127.0.0.1:${site};
      }
      server {
        listen 127.0.0.1:${front};
        ssl_preread on;
        proxy_pass $leads_to;
      }
    }`;
});

describe('where another program has the port', () => {
  const startNginx = () => startStockNginx({ httpPort: port, sites: [{ names: ['taken.test'] }] });
  const holders = [
    ['nginx', startNginx, '--authenticator nginx'],
    ['apache2', () => startApache({ httpPort: port, sites: [{ names: ['taken.test'] }] }), '--authenticator webroot --webroot-root DIRECTORY'],
  ] as const;

  for (const [program, start, wayOut] of holders) {
    test(`${program}: that and the way out are told before the CA is asked`, async () => {
      const server = await start();
      onTestFinished(() => server.stop());
      const before = pebble.orders();
      const result = await obtain(['taken.test']);
      expect(result.exitCode, printed(result)).toBe(3);
      expect(result.stderr).toContain(`port ${port} is in use by ${program} (pid ${server.pid()}`);
      expect(result.stderr).toContain(wayOut);
      expect(result.stderr).toContain(`Port ${tlsPort} is free: --standalone-challenge tls-alpn-01.`);
      expect(pebble.orders()).toBe(before);
    });
  }

  test('a pre hook may stop it for the moment', async () => {
    const nginx = await startNginx();
    onTestFinished(() => nginx.stop());
    const hooks = join(home.path, 'hooks.d/pre');
    mkdirSync(hooks, { recursive: true, mode: 0o700 });
    writeFileSync(join(hooks, 'stop-nginx'), `#!/bin/sh\nkill ${nginx.pid()} && while kill -0 ${nginx.pid()}; do sleep 0.02; done 2>/dev/null\n`, {
      mode: 0o700,
    });
    expectGood(await obtain(['taken.test']));
    expect(nginx.pid()).toBeUndefined();
  });
});

test('a killed run leaves no listener, and the next one obtains the certificate', async () => {
  const flags = ['-d', 'killed.test', ...atPorts(), ...from(pebble)];
  const running = home.start(flags);
  await running.printed(/proof for killed\.test published/);
  running.kill('SIGKILL');
  await running.result;
  await expectClosed();
  expectGood(await home.run(flags));
  expect(namesIn('killed.test')).toEqual(['DNS:killed.test']);
});

test('runs of several homes at once take turns at the port', async () => {
  const homes = ['first', 'second', 'third'].map((name) => ({ name: `${name}.test`, home: temporaryHome() }));
  onTestFinished(() => homes.forEach(({ home }) => void home.remove()));
  const results = await Promise.all(homes.map(({ name, home }) => home.run(['-d', name, ...atPorts(), ...from(pebble)])));
  for (const result of results) expectGood(result);
});
