import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedCertificate } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { hasOpenssl, type RevokingCa, startRevokingCa } from '../parts/revoking-ca.ts';
import { headerOf, openPostOffice, type PostOffice } from '../plugins/notifiers/post-office.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

const NAME = 'taken.test';
const HOUR_MS = 3_600_000;

describe.skipIf(!hasOpenssl)('a certificate in use that its CA revoked', () => {
  let nginx: SourceNginx;
  let pebble: Pebble;
  let responder: RevokingCa;
  let office: PostOffice;
  let home: Home;

  beforeAll(async () => {
    nginx = await layoutCentmin();
    await nginx.start();
    const port = await freePort();
    const config = { keyAlgorithm: 'rsa', ocspResponderURL: `http://127.0.0.1:${port}/ocsp` }; // Pebble hands out RSA keys alone
    pebble = await startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort, config });
    const [certificate, key] = await Promise.all([pebble.manage('GET', '/intermediates/0'), pebble.manage('GET', '/intermediate-keys/0')]);
    responder = await startRevokingCa({ issuer: { certificatePem: certificate.body, keyPem: key.body }, port });
    office = await openPostOffice({ disabledCommands: ['STARTTLS', 'AUTH'] });
    home = temporaryHome();
  });
  afterAll(async () => {
    await Promise.all([office?.close(), responder?.stop(), pebble?.stop()]);
    await nginx?.stop();
    home?.remove();
  });

  const succeeds = async (...args: readonly string[]) => {
    const result = await home.run(args);
    expect(result.exitCode, printed(result)).toBe(0);
    return result;
  };
  const certificateOf = (version: string) => readFileSync(join(home.path, 'archive', NAME, version, 'cert.pem'), 'utf8');
  const served = async () => (await servedCertificate({ port: nginx.httpsPort, servername: NAME }))[0]?.toString();

  /** As if it had been issued seven hours ago: nobody is asked about a fresh one. */
  function age(version: string): void {
    const path = join(home.path, 'archive', NAME, version, 'version.json');
    const facts = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...facts, issuedAtMs: facts.issuedAtMs - 7 * HOUR_MS }));
    rmSync(join(home.path, 'state/index.json'));
  }

  test('is replaced and out of use with the next run of the scheduler, and a mail tells why', async () => {
    const site = nginx.addSite({ names: [NAME], tls: true });
    await nginx.reload();
    await succeeds(
      ...['-d', NAME, '--authenticator', 'webroot', '--webroot-root', site.webroot],
      ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
      ...['--nginx-custom-tls-port', `${nginx.httpsPort}`, '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
    );
    const notify = [{ plugin: 'mail', to: 'admin@example.com', from: 'certkit@example.com', smtp: `smtp://127.0.0.1:${office.port}` }];
    writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify({ notify }), { mode: 0o600 });
    responder.know(certificateOf('0001'));
    age('0001');
    await succeeds('renew');
    expect((await succeeds('status')).stdout).toContain(`revoked? version 1: not revoked, says the OCSP responder ${responder.ocspUrl}`);
    expect(await served()).toBe(certificateOf('0001'));

    responder.revoke(certificateOf('0001'), 'keyCompromise');
    rmSync(join(home.path, 'state/revocations.json')); // it is asked anew
    const { stdout } = await succeeds('renew');
    expect(stdout).toMatch(/taken\.test: the CA revoked version 1 on \d{4}-.* \(keyCompromise\), says http:/);
    expect(stdout).toContain('(the CA revoked it)');
    expect(await served()).toBe(certificateOf('0002'));

    const [mail] = office.mails;
    expect(office.mails).toHaveLength(1);
    expect(headerOf(mail?.raw ?? '', 'Subject')).toContain('1 revoked, 1 deployed');
    const text = (mail?.raw ?? '').replaceAll('=\n', '').replaceAll('=3D', '=');
    expect(text).toContain(`The CA revoked version 1 of the certificate ${NAME} on `);
    expect(text).toContain('Version 2 took its place and is served by ');

    await succeeds('renew');
    expect(office.mails).toHaveLength(1);
    const rollback = await home.run(['rollback', NAME]);
    expect(rollback.exitCode).toBe(2);
    expect(rollback.stderr).toContain(`USAGE_NO_ROLLBACK: ${NAME} cannot be rolled back: version 1 is revoked, says ${responder.ocspUrl}`);
    expect(await served()).toBe(certificateOf('0002'));
  });

  test('explain has the rule and who said what', async () => {
    responder.know(certificateOf('0002'));
    age('0002');
    await succeeds('renew');
    const { stdout } = await succeeds('explain', NAME);
    expect(stdout).toMatch(/the CA revoked it +no/);
    expect(stdout).toMatch(/version 2: not revoked, says the OCSP responder http:\S+, as of .* UTC; asked .* UTC, again from .* UTC on/);
    const { lineages } = JSON.parse((await succeeds('status', '--json')).stdout);
    expect(lineages[0].revocations).toMatchObject([{ version: 2, answer: { status: 'good' } }]);
  });
});
