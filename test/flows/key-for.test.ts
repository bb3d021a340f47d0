import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type ClockedHome, clockedHome } from './clocked-home.ts';

const NAME = 'reuse.test';

let pebble: Pebble;
let port: number;
let home: ClockedHome;

beforeAll(async () => {
  port = await freePort();
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0 });
});
afterAll(() => pebble?.stop());
beforeEach(() => {
  home = clockedHome({ plugin: 'standalone', port, address: '127.0.0.1' });
  home.write('certkit.yaml', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, reuse_key: true });
  home.lineage(NAME);
});
afterEach(() => home.remove());

const version = (number: number, file: string) => readFileSync(join(home.path, 'archive', NAME, `000${number}`, file), 'utf8');
const publicKey = (number: number) => createPublicKey(version(number, 'privkey.pem')).export({ type: 'spki', format: 'pem' });

/** As if the CA had answered so when it was asked. */
function revoke(number: number): void {
  const { sets } = JSON.parse(version(number, 'version.json')) as { sets: readonly { leafSha256: string; notAfterMs: number }[] };
  const nowMs = home.nowMs();
  const answer = { status: 'revoked', by: { kind: 'ocsp', url: 'http://ocsp.test/' }, asOfMs: nowMs, revokedAtMs: nowMs, cause: 'keyCompromise' };
  const certificates = Object.fromEntries(
    sets.map(({ leafSha256, notAfterMs }) => [leafSha256, { askedAtMs: nowMs, checkAtMs: notAfterMs, answer, notAfterMs }]),
  );
  home.write('state/revocations.json', { format: 1, certificates });
}

test('the key of a revoked version is not used again, and the one that replaces it is', async () => {
  await home.renew();
  revoke(1);
  expect((await home.renew()).renewals).toMatchObject([{ result: 'renewed', version: { number: 2 } }]);
  expect(home.told).toContainEqual({ type: 'note', lineage: NAME, text: 'reuse_key: version 1 is revoked, so its key is not used again' });
  expect(publicKey(2)).not.toBe(publicKey(1));
  await home.renew({ force: true });
  expect(publicKey(3)).toBe(publicKey(2));
});
