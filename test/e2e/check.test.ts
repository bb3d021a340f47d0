import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { Site } from '../parts/nginx-site.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { selfSigned } from '../parts/self-signed.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

/** `certkit status --check` as a monitoring runs it: lines on standard output, and an exit code. */
const DAY = 86_400_000;
const MEASURES = /^CERTKIT [A-Z]+ - [^|]+ \| days_left=(\d+\.\d\d);;? .*lineages=1;;;0 findings=\d+;;;0( last_run_age=\d+s;93600;259200;0)?$/;

let nginx: SourceNginx;
let pebble: Pebble;
let site: Site;
let home: Home;

beforeAll(async () => {
  nginx = await layoutCentmin();
  site = nginx.addSite({ names: ['shop.test'], tls: true });
  await nginx.start();
  pebble = await startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
});
afterAll(async () => {
  await pebble?.stop();
  await nginx?.stop();
});
beforeEach(async () => {
  const fresh = temporaryHome();
  home = fresh;
  const confs = [site.tls?.certificateConf ?? '', site.tls?.sslConf ?? ''].map((path) => ({ path, text: nginx.readFile(path) }));
  await succeeds(
    ...['-d', site.name, '--authenticator', 'webroot', '--webroot-root', site.webroot],
    ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
    ...['--nginx-custom-tls-port', `${nginx.httpsPort}`, '--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
  );
  return async () => {
    for (const { path, text } of confs) nginx.writeFile(path, text);
    await nginx.reload();
    fresh.remove();
  };
});

async function succeeds(...args: readonly string[]): Promise<void> {
  const result = await home.run(args);
  expect(result.exitCode, printed(result)).toBe(0);
}
async function check(exitCode: number, ...args: readonly string[]): Promise<readonly string[]> {
  const result = await home.run(['status', '--check', ...args]);
  expect(result.exitCode, printed(result)).toBe(exitCode);
  expect(result.stderr).toBe('');
  return result.stdout.trimEnd().split('\n');
}
const place = () => `shop.test at 127.0.0.1:${nginx.httpsPort}`;

test('what is served and sound is OK in one line, with the age of the last run once one was seen', async () => {
  const [unseen, ...none] = await check(0);
  expect(none).toEqual([]);
  expect(unseen).toMatch(/^CERTKIT OK - 1 lineage, the first expires in 89 days; no unattended run was seen, and no schedule \| /);
  expect(unseen).toMatch(MEASURES);
  await succeeds('renew');
  const [seen] = await check(0, 'shop.test');
  expect(seen).toMatch(/; last unattended run \d+ minutes ago \| days_left=89\.\d\d;; /);
  expect(seen).toMatch(/ last_run_age=\d+s;93600;259200;0$/);
});

test('limits of a person; the measures name them', async () => {
  const [warning] = await check(1, '--warning', '91', '--critical', '30.5');
  expect(warning).toMatch(/^CERTKIT WARNING - shop\.test: version 1 expires in 89 days, on \S+ \S+ UTC \| days_left=89\.\d\d;91:;30\.5: /);
  const [critical] = await check(2, '--warning', '92', '--critical', '91');
  expect(critical).toMatch(/^CERTKIT CRITICAL - /);
});

test('a run that does not come any more', async () => {
  await succeeds('renew');
  const path = join(home.path, 'state/last-run.json');
  const aged = (days: number) => writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), endedAtMs: Date.now() - days * DAY }));
  aged(2);
  expect((await check(1))[0]).toContain('CERTKIT WARNING - no unattended run for more than a day; "certkit schedule status" shows what starts them');
  aged(4);
  expect((await check(2))[0]).toContain('CERTKIT CRITICAL - no unattended run for days, so nothing is renewed');
});

test('a certificate of somebody else is named with its place; one that has expired is critical', async () => {
  const serve = async (pair: { readonly certificatePem: string; readonly keyPem: string }) => {
    const [certificate, key] = [nginx.writeFile('conf/other.crt', pair.certificatePem), nginx.writeFile('conf/other.key', pair.keyPem)];
    nginx.writeFile(site.tls?.certificateConf ?? '', `ssl_certificate ${certificate};\nssl_certificate_key ${key};\n`);
    await nginx.reload();
  };
  await serve(selfSigned({ names: ['shop.test'] }));
  const words = `CERTKIT WARNING - shop.test: ${place()} serves a certificate that is not of this lineage; what it serves expires in 36`;
  await expect.poll(async () => (await home.run(['status', '--check'])).stdout, { timeout: 30_000 }).toContain(words); // a worker of before may answer once more
  await serve(selfSigned({ names: ['shop.test'], days: 1, notBeforeMs: Date.now() - 3 * DAY }));
  await expect.poll(async () => (await home.run(['status', '--check'])).exitCode, { timeout: 30_000 }).toBe(2);
  expect((await check(2))[0]).toMatch(/what it serves has expired on [^|]+ \| days_left=-\d/);
});

test('an older version is named, although a newer one is live', async () => {
  await succeeds('renew', '--force', '--no-deploy');
  await check(0);
  const { symlinkSync, unlinkSync } = await import('node:fs');
  unlinkSync(join(home.path, 'live/shop.test'));
  symlinkSync('../archive/shop.test/0002', join(home.path, 'live/shop.test')); // as a run that was killed before its reload
  const [line = '', ...details] = await check(1);
  expect(line).toContain(`shop.test: ${place()} serves version 1 in place of version 2; what it serves expires in 89 days`);
  expect(details).toContainEqual('WARNING: shop.test: a server has not been seen serving the live version');
});

test('a server that is gone, and a lineage that cannot be read', async () => {
  nginx.writeFile(site.tls?.sslConf ?? '', '');
  await nginx.reload();
  const words = `CERTKIT WARNING - shop.test: ${place()} does not answer: `;
  await expect.poll(async () => (await home.run(['status', '--check'])).stdout, { timeout: 30_000 }).toContain(words);
  writeFileSync(join(home.path, 'lineages/shop.test.yaml'), 'identifiers: [shop.test]\nauthenticater: webroot\n');
  const [line] = await check(1);
  expect(line).toContain(`CERTKIT WARNING - shop.test: it cannot be read, and is not renewed: ${join(home.path, 'lineages/shop.test.yaml')}:2: `);
});

test('what cannot be told is UNKNOWN, and says why in the one line', async () => {
  for (const [args, words] of [
    [['none.test'], 'USAGE_NO_LINEAGE: There is no lineage named "none.test"'],
    [['--warning', 'soon'], 'USAGE_INVALID: --warning soon is no number of days'],
    [['--warning', '3', '--critical', '7'], 'USAGE_INVALID: --warning 3 is less than --critical 7'],
  ] as const) {
    const lines = await check(3, ...args);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`CERTKIT UNKNOWN - ${words}`);
  }
  const empty = temporaryHome();
  const result = await empty.run(['status', '--check']);
  expect(result.exitCode, printed(result)).toBe(3);
  expect(result.stdout).toContain(`CERTKIT UNKNOWN - there is no lineage in ${empty.path} |`);
  empty.remove();
});

test('--json has the same, and the same exit code', async () => {
  const result = await home.run(['status', '--check', '--warning', '91', '--json']);
  expect(result.exitCode, printed(result)).toBe(1);
  expect(JSON.parse(result.stdout)).toMatchObject({
    command: 'status --check',
    state: 'WARNING',
    lineages: 1,
    findings: [{ severity: 'warning', lineage: 'shop.test' }],
    lastRun: { punctuality: 'not-expected' },
  });
});
