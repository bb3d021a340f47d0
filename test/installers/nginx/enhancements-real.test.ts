import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import type { LineageRequest } from 'certkit/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import { createNginxInstaller } from '../../../installers/nginx/installer.ts';
import { startSourceNginx, startStockNginx } from '../../parts/nginx.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { selfSigned } from '../../parts/self-signed.ts';
import { answerOf } from './http-answer.ts';
import { writePlan } from './written-plan.ts';

const context = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();
const NAMES = ['a.example', 'www.a.example'];
const YEAR_SECONDS = 31_536_000;

describe.each([
  ['stock', startStockNginx, 'etc/nginx/conf.d/site.conf', 'intermediate', ['TLSv1.2', 'TLSv1.3']],
  ['source-built', startSourceNginx, 'usr/local/nginx/conf/conf.d/site.conf', 'modern', ['TLSv1.3']],
] as const)('%s nginx', (_, start, conf, tlsProfile, spoken) => {
  let nginx: NginxLayout;
  let lineage: LineageRequest;

  beforeAll(async () => {
    nginx = await start();
    const { certificatePem, keyPem } = selfSigned({ names: NAMES });
    const fullchain = nginx.writeFile('live/a.example/fullchain.pem', certificatePem);
    const key = nginx.writeFile('live/a.example/privkey.pem', keyPem, 0o600);
    lineage = {
      lineage: 'a.example',
      identifiers: NAMES.map((value) => ({ kind: 'dns', value, wildcard: false }) as const),
      pairs: [{ keyType: 'ecdsa', fullchain, key, certificate: fullchain, chain: fullchain }],
      structure: 'may-change',
    };
    nginx.writeFile(
      conf,
      `server {
    listen 127.0.0.1:${nginx.httpPort};
    server_name a.example;
    location /.well-known/acme-challenge/ { return 200 proof; }
    location / { return 200 plain; }
}
server {
    listen 127.0.0.1:${nginx.httpsPort} ssl;
    server_name a.example;
    ssl_certificate ${fullchain};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.1 TLSv1.2; # for an old till
    ssl_ciphers DEFAULT@SECLEVEL=0;
    location / { return 404; }
}
# one that speaks both
server {
    listen 127.0.0.1:${nginx.httpPort};
    listen 127.0.0.1:${nginx.httpsPort} ssl;
    server_name www.a.example;
    ssl_certificate ${fullchain};
    ssl_certificate_key ${key};
    location /.well-known/acme-challenge/ { return 200 proof; }
    location / { return 200 secure; }
}
`,
    );
    await nginx.reload();
  });
  afterAll(() => nginx?.stop());

  const over = (protocol: 'http' | 'https', host: string, path = '/') => answerOf(protocol, protocol === 'http' ? nginx.httpPort : nginx.httpsPort, host, path);
  const versions = async () => {
    const tried = await Promise.all(
      (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map(async (version) => ((await speaks(nginx.httpsPort, version)) ? [version] : [])),
    );
    return tried.flat();
  };

  test('gets each enhancement, and loses each by itself', async () => {
    const options = { binary: nginx.binary, tlsPort: nginx.httpsPort, redirect: true, hsts: YEAR_SECONDS, tlsProfile, commands: {} };
    const installer = createNginxInstaller('nginx-custom', options, context);
    const planNow = async () => {
      const survey = await installer.survey(signal);
      return { survey, plan: installer.plan({ lineages: [lineage], liveRoot: join(nginx.root, 'live') }, survey) };
    };
    const said = nginx.test();
    expect(await over('http', 'a.example')).toMatchObject({ status: 200, text: 'plain' });
    expect(await versions()).toEqual(['TLSv1.1', 'TLSv1.2']);

    const { survey, plan } = await planNow();
    expect(plan.refusals).toEqual([]);
    for (const { text } of plan.notes) expect(text).toMatch(/redirects what comes to 127\.0\.0\.1:\d+: if a proxy|at port 443 from then on/);
    const written = writePlan(nginx, plan, survey);
    await installer.test(signal);
    expect(nginx.test()).toEqual(said);
    await nginx.reload();
    for (const name of NAMES) {
      expect(await over('http', name, '/x?y=1')).toMatchObject({ status: 301, headers: { location: `https://${name}:${nginx.httpsPort}/x?y=1` } });
      expect((await over('http', name)).headers, 'RFC 6797 section 7.2').not.toHaveProperty('strict-transport-security');
      expect(await over('http', name, '/.well-known/acme-challenge/token')).toMatchObject({ status: 200, text: 'proof' });
      expect(await over('https', name)).toMatchObject({ headers: { 'strict-transport-security': `max-age=${YEAR_SECONDS}` } });
    }
    expect(await over('https', 'a.example')).toMatchObject({ status: 404 });
    expect(await over('https', 'www.a.example')).toMatchObject({ status: 200, text: 'secure' });
    expect(await versions()).toEqual(spoken);
    expect((await planNow()).plan).toMatchObject({ splices: [], refusals: [], notes: [] });

    written.takeOut('a.example', 'redirect');
    await nginx.reload();
    expect(await over('http', 'a.example')).toMatchObject({ status: 200, text: 'plain' });
    expect((await over('http', 'www.a.example')).headers).not.toHaveProperty('strict-transport-security');
    expect((await over('https', 'www.a.example')).headers).toHaveProperty('strict-transport-security');
    expect((await over('https', 'a.example')).headers['strict-transport-security']).toBeDefined();

    written.takeOut('a.example', 'hsts');
    await nginx.reload();
    expect((await over('https', 'a.example')).headers['strict-transport-security']).toBeUndefined();
    expect(await versions()).toEqual(spoken);

    written.takeOut('a.example', 'tls-profile');
    for (const [path, text] of written.before) expect(nginx.readFile(path)).toBe(text);
    await nginx.reload();
    expect(await versions()).toEqual(['TLSv1.1', 'TLSv1.2']);
  });
});

/** OpenSSL gives up the old versions by itself above level 0. */
const speaks = (port: number, version: SecureVersion): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port, servername: 'a.example', rejectUnauthorized: false, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
      () => {
        socket.destroy();
        resolve(true);
      },
    );
    socket.once('error', () => resolve(false));
  });
