import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CLOCK, compose } from '../../core/composition.ts';
import { projectRoot } from '../parts/tools.ts';
import { addVersion, aVersion, DAY_MS, EXAMPLE, freshHome, NOW_MS, PATH } from '../store/home.ts';

const HOUR_MS = 3_600_000;

test('a deployment that goes on failing is tried ever sooner as the certificate in use nears its end, however long the new one lasts', async () => {
  const { store, path, at } = await freshHome();
  const lineage = { ...EXAMPLE, installers: [{ plugin: 'nowhere', options: {} }] };
  await store.save(lineage);
  await addVersion(store, 'key', lineage);
  await store.switchLive(lineage.name, 1);
  const { number } = await store.begin(lineage.name);
  await store.putKey(lineage.name, number, 'ecdsa-p256', 'key', false);
  const [set] = aVersion(number).sets;
  const sets = set === undefined ? [] : [{ ...set, notBeforeMs: NOW_MS + 60 * DAY_MS, notAfterMs: NOW_MS + 150 * DAY_MS }];
  await store.complete(lineage, aVersion(number, { sets }), [{ keyType: 'ecdsa', certificate: 'leaf 2\n', chain: 'chain\n' }]);
  const nowMs = NOW_MS + 90 * DAY_MS - 16 * HOUR_MS;
  await store.saveState(lineage.name, {
    ...(await store.state(lineage.name)),
    deployment: { failures: 9, lastAtMs: nowMs - DAY_MS, lastCode: 'PLUGIN_NOT_FOUND', notBeforeMs: nowMs },
  });

  const certkit = compose(
    {
      home: path,
      path: PATH,
      uid: process.getuid?.() ?? 0,
      version: '0',
      packageRoot: projectRoot,
      agreeToTerms: async () => false,
      tell: () => {},
      log: { debug() {}, warn() {} },
      signal: new AbortController().signal,
      watched: false,
    },
    (graph) => graph.register(CLOCK, { useValue: { nowMs: () => nowMs, sleep: async () => {} } }),
  );
  const { outcomes } = await certkit.deploy(await certkit.store.overview(), { asked: false, structure: 'keep', dryRun: false });
  await certkit.close();

  expect(outcomes).toMatchObject([{ result: 'failed', error: { code: 'PLUGIN_NOT_FOUND' } }]);
  const { deployment } = JSON.parse(readFileSync(at('state/lineages', `${lineage.name}.json`), 'utf8'));
  expect(deployment).toMatchObject({ failures: 10, notBeforeMs: nowMs + 2 * HOUR_MS });
});
