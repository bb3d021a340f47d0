import { createPublicKey } from 'node:crypto';
import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type Home, printed, temporaryHome } from './certkit.ts';

const NAME = 'keys.test';

let pebble: Pebble;
let port: number;
let home: Home;

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, authzReusePercent: 100, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  const made = temporaryHome();
  home = made;
  return () => made.remove();
});

const succeeds = async (...args: readonly string[]) => {
  const result = await home.run(args);
  expect(result.exitCode, printed(result)).toBe(0);
  return result;
};
const obtain = (...more: readonly string[]) =>
  succeeds(
    ...['-d', NAME, '--authenticator', 'standalone', '--standalone-port', `${port}`, '--standalone-address', '127.0.0.1', '--agree-tos'],
    ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, ...more],
  );
const renew = () => succeeds('renew', '--force', NAME);
const keyPath = (version: number, folder = '') => join(home.path, 'archive', NAME, String(version).padStart(4, '0'), folder, 'privkey.pem');
const publicKey = (path: string) => createPublicKey(readFileSync(path, 'utf8')).export({ type: 'spki', format: 'pem' });
const sameKey = (one: number, other: number) => publicKey(keyPath(one)) === publicKey(keyPath(other));
const live = () => readlinkSync(join(home.path, 'live', NAME));

test('a new key each time; with --reuse-key the same, until it is taken back', async () => {
  await obtain();
  await obtain('--force');
  expect(sameKey(1, 2)).toBe(false);
  await obtain('--force', '--reuse-key');
  expect(readFileSync(join(home.path, 'lineages', `${NAME}.yaml`), 'utf8')).toContain('reuse_key: true\n');
  await renew();
  expect([sameKey(2, 3), sameKey(3, 4)]).toEqual([true, true]);
  expect(statSync(keyPath(4)).mode & 0o777).toBe(0o600);
  await obtain('--force', '--no-reuse-key');
  expect(sameKey(4, 5)).toBe(false);
});

test('rotate-key makes a new key whatever reuse_key says, deploys it, and it is the one that is used again', async () => {
  await obtain('--reuse-key');
  const { stdout } = await succeeds('rotate-key', NAME);
  expect(stdout).toContain(`${NAME}: version 2 has a new key (ecdsa-p256); it is live`);
  expect(sameKey(1, 2)).toBe(false);
  expect(live()).toBe(`../archive/${NAME}/0002`);
  await renew();
  expect(sameKey(2, 3)).toBe(true);
  const { version, deployment } = JSON.parse((await succeeds('rotate-key', NAME, '--json')).stdout);
  expect({ version, deployment }).toMatchObject({ version: 4, deployment: { result: 'deployed', version: 4 } });
});

test('rotate-key of what is held, or is not there, says so and changes nothing', async () => {
  await obtain();
  await succeeds('hold', NAME, '--renewal');
  const held = await home.run(['rotate-key', NAME]);
  expect(held.exitCode, printed(held)).toBe(2);
  expect(held.stderr).toContain(`USAGE_HELD: The renewal of ${NAME} is held`);
  expect(live()).toBe(`../archive/${NAME}/0001`);
  const unknown = await home.run(['rotate-key', 'other.test']);
  expect(unknown.stderr).toContain('USAGE_NO_LINEAGE');
});

test('another kind of key, or one more, is made anew and said; the others are used again', async () => {
  await obtain('--reuse-key');
  const { stdout } = await obtain('--force', '--key-type', 'ecdsa-p256', '--key-type', 'rsa-2048');
  expect(stdout).toContain(`${NAME}: reuse_key: version 1 has no rsa-2048 key to use again, so a new one is made`);
  expect(publicKey(keyPath(2, 'ecdsa'))).toBe(publicKey(keyPath(1)));
  await renew();
  for (const folder of ['ecdsa', 'rsa']) expect(publicKey(keyPath(3, folder))).toBe(publicKey(keyPath(2, folder)));
});

test('reuse_key in certkit.yaml is for all lineages, and is not copied into their files', async () => {
  await obtain();
  writeFileSync(join(home.path, 'certkit.yaml'), 'reuse_key: true\n', { mode: 0o600 });
  await renew();
  await obtain('--force');
  expect([sameKey(1, 2), sameKey(2, 3)]).toEqual([true, true]);
  expect(readFileSync(join(home.path, 'lineages', `${NAME}.yaml`), 'utf8')).not.toContain('reuse_key');
});

test('renewed by hand, a lineage stays in the queue with the date of the new version; so does the same run again', async () => {
  await obtain();
  for (const [byHand, version] of [
    [renew, 2],
    [() => obtain('--force'), 3],
  ] as const) {
    await byHand();
    const { lineages } = JSON.parse((await succeeds('status', NAME, '--json')).stdout);
    const [{ live, pending = live, renewal }] = lineages;
    expect(pending.number).toBe(version);
    const thirdMs = Math.round((pending.notAfterMs - pending.notBeforeMs) / 3);
    expect(renewal).toEqual({ due: false, reason: 'late-in-life', reviewAtMs: pending.notAfterMs - thirdMs });
  }
});

test('limits are whole numbers from 1 on; explain and status show how far they are used up', async () => {
  await obtain();
  for (const wrong of ['0', 'two', '-1', '1.5']) {
    const result = await home.run(['renew', '--max-issues', wrong]);
    expect(result.exitCode, printed(result)).toBe(2);
    expect(result.stderr).toMatch(/a whole number from 1 on is wanted|argument missing/);
  }
  const settings = join(home.path, 'certkit.yaml');
  writeFileSync(settings, 'max_issues: 0\n', { mode: 0o600 });
  const slip = await home.run(['status', NAME]);
  expect(slip.stdout).toContain(`STORE_UNREADABLE: ${settings}:1: max_issues: a whole number from 1 on is wanted`);

  writeFileSync(settings, 'max_issues: 3\norders_per_hour: 1\n', { mode: 0o600 });
  await renew(); // one place of the hour, asked for by nobody at a terminal
  const { stdout } = await succeeds('explain', NAME);
  expect(stdout).toMatch(/others come first, by max_issues +0 of 3\n/);
  expect(stdout).toMatch(/its CA has had its orders, by orders_per_hour +1 of 1\n/);
  expect(stdout).toMatch(/work for a human +no\n/);
  const waits = await home.run(['renew', '--force', NAME, '--json']);
  expect(waits.exitCode, printed(waits)).toBe(2);
  expect(JSON.parse(waits.stdout).renewals).toMatchObject([{ result: 'failed', error: { code: 'USAGE_ORDERS_PER_HOUR' } }]);
  const asked = await succeeds('rotate-key', NAME);
  expect(asked.stdout).toMatch(/2 orders at \S+ within an hour, and orders_per_hour is 1; this one is placed because you asked for it/);
});
