import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedCertificate, verifiedHandshake } from '../parts/handshake.ts';

import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { Site } from '../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

describe('the main job at a source-built nginx', () => {
  let nginx: SourceNginx;
  let site: Site;
  let pebble: Pebble;
  let home: Home;
  const names = ['example.test', 'www.example.test'];
  const nginxFlags = () => ['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload];
  const runFlags = () => [
    ...names.flatMap((name) => ['-d', name]),
    ...['--authenticator', 'webroot', '--webroot-root', site.webroot],
    ...nginxFlags(),
    ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
  ];
  const leaf = async (servername: string) => (await servedCertificate({ port: nginx.httpsPort, servername }))[0];

  beforeAll(async () => {
    nginx = await layoutCentmin();
    site = nginx.addSite({ names, tls: true });
    await nginx.start();
    pebble = await startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort });
    home = temporaryHome();
  });
  afterAll(async () => {
    await pebble?.stop();
    await nginx?.stop();
    home?.remove();
  });

  test('one command obtains a certificate and serves it for both names', async () => {
    const result = await home.run(runFlags());
    expect(result.exitCode, printed(result)).toBe(0);
    for (const name of names) {
      const [served] = await verifiedHandshake({ port: nginx.httpsPort, servername: name }, await pebble.roots());
      expect(served?.subjectAltName).toContain(`DNS:${name}`);
    }
    expect(nginx.reloads()).toBe(1);
    expect(readlinkSync(join(home.path, 'live', names[0] ?? ''))).toBe('../archive/example.test/0001');
  });

  test('the same command again changes nothing and reloads nothing', async () => {
    const before = await leaf('example.test');
    const result = await home.run(runFlags());
    expect(result.exitCode, printed(result)).toBe(0);
    expect((await leaf('example.test'))?.fingerprint256).toBe(before?.fingerprint256);
    expect(nginx.reloads()).toBe(1);
  });

  test('a forced renewal waits for its deploy date; deploy --now serves it with one reload', async () => {
    const first = await leaf('example.test');
    const renewed = await home.run(['renew', '--force']);
    expect(renewed.exitCode, printed(renewed)).toBe(0);
    expect((await leaf('example.test'))?.fingerprint256).toBe(first?.fingerprint256);
    expect(nginx.reloads()).toBe(1);

    const deployed = await home.run(['deploy', '--now']);
    expect(deployed.exitCode, printed(deployed)).toBe(0);
    expect((await leaf('example.test'))?.fingerprint256).not.toBe(first?.fingerprint256);
    expect(nginx.reloads()).toBe(2);
  });

  test('rollback serves the version before, and the newer one stays away until it is released', async () => {
    const second = await leaf('example.test');
    const rolledBack = await home.run(['rollback', 'example.test']);
    expect(rolledBack.exitCode, printed(rolledBack)).toBe(0);
    const first = await leaf('example.test');
    expect(first?.fingerprint256).not.toBe(second?.fingerprint256);

    const refused = await home.run(['deploy', '--now']);
    expect(refused.exitCode, printed(refused)).toBe(2);
    expect(refused.stderr).toContain('USAGE_REJECTED_VERSION');
    expect((await leaf('example.test'))?.fingerprint256).toBe(first?.fingerprint256);

    expect((await home.run(['release', 'example.test'])).exitCode).toBe(0);
    const deployed = await home.run(['deploy', '--now']);
    expect(deployed.exitCode, printed(deployed)).toBe(0);
    expect((await leaf('example.test'))?.fingerprint256).toBe(second?.fingerprint256);
  });
});
