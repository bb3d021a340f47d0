import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { type ClockedHome, clockedHome } from './clocked-home.ts';

const DAY_MS = 86_400_000;
const NAME = 'byhand.test';

let pebble: Pebble;
let home: ClockedHome;
/** Serves the directory into which a person puts proofs. */
let server: Server;
let proofs: string;

beforeAll(async () => {
  server = createServer((request, reply) => {
    try {
      reply.end(readFileSync(join(proofs, basename(request.url ?? ''))));
    } catch {
      reply.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, profiles });
});
afterAll(async () => {
  await pebble?.stop();
  server.close();
});
beforeEach(() => {
  const made = clockedHome({});
  proofs = join(made.path, 'proofs');
  mkdirSync(proofs);
  made.addPlugin('certkit-authenticator-byhand');
  made.lineage(NAME, { authenticator: { plugin: 'byhand', directory: proofs }, renew_before: '32 days' });
  home = made;
  home.write('certkit.yaml', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, notify: [made.channel] });
  return () => made.remove();
});

const byPerson = (force = false) => home.renew({ watched: true, force });

test('nobody there: no try, no failure, no rest; told when it is due and 30, 14, 7, 3 and 1 days before the end', async () => {
  expect((await byPerson()).renewals).toMatchObject([{ result: 'renewed' }]);
  const issuedMs = home.nowMs();
  const orders = pebble.orders();
  const toldAtDays: number[] = [];
  for (let day = 55.5; day < 90; day++) {
    home.aheadMs = issuedMs - Date.now() + day * DAY_MS;
    const before = home.messages.length;
    const { renewals, failures } = await home.renew();
    expect(failures.size).toBe(0);
    expect(renewals).toMatchObject([day < 58 ? { result: 'not-due' } : { result: 'needs-person', authenticator: 'byhand' }]);
    if (home.messages.length > before) toldAtDays.push(Math.floor(day));
  }
  expect(toldAtDays).toEqual([58, 60, 76, 83, 87, 89]);
  expect(pebble.orders()).toBe(orders);
  expect(home.messages.flatMap(({ items }) => items.map(({ kind, lineage }) => ({ kind, lineage })))).toEqual(
    Array(6).fill({ kind: 'needs-you', lineage: NAME }),
  );
  expect(JSON.parse(readFileSync(join(home.path, 'state/lineages', `${NAME}.json`), 'utf8'))).not.toHaveProperty('renewal');
});

test('after a person has renewed it, it is quiet', async () => {
  await byPerson();
  home.aheadMs = 85 * DAY_MS;
  expect((await home.renew()).renewals).toMatchObject([{ result: 'needs-person' }]);
  home.aheadMs = 0; // the CA issues by its own clock
  expect((await byPerson(true)).renewals).toMatchObject([{ result: 'renewed' }]);
  home.aheadMs = 40 * DAY_MS;
  expect((await home.renew()).renewals).toMatchObject([{ result: 'not-due', decision: { reason: 'renew-before' } }]);
  expect(home.messages).toHaveLength(1);
});

test('before the first certificate it is work for a human as well; who forces it without a terminal gets an error and no back-off', async () => {
  expect((await home.renew()).renewals).toMatchObject([{ result: 'needs-person' }]);
  const { renewals } = await home.renew({ force: true });
  expect(renewals).toMatchObject([{ result: 'failed', error: { code: 'USAGE_NEEDS_PERSON' } }]);
  expect(home.has(`state/lineages/${NAME}.json`)).toBe(false);

  const [inspection] = await home.with(true, async (certkit) => certkit.inspect(await certkit.store.overview()));
  expect(inspection).toMatchObject({ needsPerson: true, renewal: { due: false, reason: 'needs-person' } });
});

test('a first run with nobody there is an error, and not a lineage without a certificate', async () => {
  const first = await home.with(false, async (certkit) => certkit.run(await certkit.store.lineage(NAME), { force: false, dryRun: false }));
  expect(first).toMatchObject({ result: 'failed', error: { code: 'USAGE_NEEDS_PERSON', hint: 'Run the same command at a terminal.' } });
});
