import { X509Certificate } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { identifiersOf, openSession } from '../acme/ca.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

const DAY_MS = 86_400_000;
const NAME = 'terms.test';

let pebble: Pebble;
let httpPort: number;

beforeAll(async () => {
  const [http = 0, tlsPort = 0] = await freePorts(2);
  httpPort = http;
  pebble = await startPebble({ httpPort, tlsPort, nonceRejectPercent: 0, authzReusePercent: 100 });
});
afterAll(() => pebble?.stop());

function newHome(): Home {
  const home = temporaryHome();
  onTestFinished(() => home.remove());
  return home;
}

const job = () => [
  ...['-d', NAME, '--authenticator', 'standalone', '--standalone-port', String(httpPort)],
  ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
];
const lineageFile = (home: Home) => join(home.path, 'lineages', `${NAME}.yaml`);

test('run --profile and --not-after are ordered, and kept for later renewals', async () => {
  const home = newHome();
  const first = await home.run([...job(), '--profile', 'shortlived']);
  expect(first.exitCode, printed(first)).toBe(0);
  const second = await home.run([...job(), '--not-after', '36 hours', '--force']);
  expect(second.exitCode, printed(second)).toBe(0);

  const leaf = new X509Certificate(readFileSync(join(home.path, 'archive', NAME, '0002/cert.pem')));
  const days = (Date.parse(leaf.validTo) - Date.now()) / DAY_MS;
  expect(days).toBeGreaterThan(1.4);
  expect(days).toBeLessThanOrEqual(1.5);
  expect(pebble.log()).toMatch(/shortlived/);
  expect(readFileSync(lineageFile(home), 'utf8')).toMatch(/^profile: shortlived\nnot_after: 36 hours$/m);
});

test('an order that a killed run left open is not gone on with when another kind of certificate is asked for', async () => {
  const home = newHome();
  const first = await home.run(job());
  expect(first.exitCode, printed(first)).toBe(0);
  // The CA knows the name as proven: the order is ready at once.
  const accounts = join(home.path, 'accounts');
  const key = readdirSync(accounts, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith('key.pem')) ?? '';
  const { session } = await openSession(
    { directory: pebble.directoryUrl, bundlePem: readFileSync(pebble.caBundlePath, 'utf8') },
    { account: { keyPem: readFileSync(join(accounts, key), 'utf8') } },
  );
  const order = await session.newOrder({ identifiers: identifiersOf([NAME]), profile: 'default' });
  expect(order.status).toBe('ready');
  const entry = { format: 1, kind: 'renew', id: `renew-${NAME}`, lineage: NAME, version: 2, ca: pebble.directoryUrl, identifiers: [NAME] };
  const rest = { orders: [{ algorithm: 'ecdsa-p256', url: order.url, finalizing: false }], authenticator: { plugin: 'standalone', options: {} }, proofs: [] };
  writeFileSync(join(home.path, 'state/journal', `${entry.id}.json`), JSON.stringify({ ...entry, ...rest }), { mode: 0o600 });

  const result = await home.run([...job(), '--force', '--profile', 'shortlived']);
  expect(result.exitCode, printed(result)).toBe(0);
  const leaf = new X509Certificate(readFileSync(join(home.path, 'live', NAME, 'cert.pem')));
  expect((Date.parse(leaf.validTo) - Date.now()) / DAY_MS).toBeLessThan(7);
});

test('a profile that the CA does not have is named with those it has, and nothing is left of the lineage', async () => {
  const home = newHome();
  const result = await home.run([...job(), '--profile', 'eternal']);
  expect(result.exitCode, printed(result)).toBe(4);
  expect(result.stderr).toContain('has no profile "eternal"; its profiles: default, shortlived');
  expect(existsSync(lineageFile(home))).toBe(false);
});

for (const [title, flags, words] of [
  ['a length without a unit', ['--not-after', '30'], '--not-after 30: a length of time has a unit'],
  ['an empty profile', ['--profile', ''], '--profile is empty'],
] as const) {
  test(`${title} is refused before anything is asked`, async () => {
    const result = await newHome().run([...job(), ...flags]);
    expect(result.exitCode, printed(result)).toBe(2);
    expect(result.stderr).toContain(words);
  });
}

test('a certificate that begins in two hours is stored, and the person is told when it is deployed', async () => {
  const home = newHome();
  const first = await home.run(job());
  expect(first.exitCode, printed(first)).toBe(0);
  appendFileSync(lineageFile(home), 'not_before: 2 hours\n');
  const result = await home.run([...job(), '--force']);
  expect(result.exitCode, printed(result)).toBe(0);
  expect(result.stdout).toMatch(/not deployed yet \(the newest version is not valid yet\); the first run after .* UTC does/);
  expect(readFileSync(join(home.path, 'live', NAME, 'version.json'), 'utf8')).toContain('"number": 1');
});
