import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canServeDns } from '../parts/bind.ts';
import { printed } from './certkit.ts';
import { type DnsScene, openDnsScene } from './dns-scene.ts';

const LINEAGES = 100;

describe.skipIf(!canServeDns)('many wildcard lineages of one zone in one run', () => {
  const names = Array.from({ length: LINEAGES }, (_, at) => `n${at}.example.test`);
  let scene: DnsScene;
  beforeAll(async () => {
    scene = await openDnsScene({ zones: [{ name: 'example.test' }], secondary: { lagMs: 0 } });
    await scene.obtain(['example.test']);
    for (const name of names) scene.writeLineage(name, { identifiers: [name, `*.${name}`], authenticator: { plugin: 'dns', provider: 'home' } });
  });
  afterAll(() => scene?.stop());

  test('all issue, in no more than two changes of the zone for each, though two records are made and two removed', { timeout: 300_000 }, async () => {
    const before = await scene.bind.serial('example.test');
    const result = await scene.certkit(['renew']);
    expect(result.exitCode, printed(result)).toBe(0);
    expect(names.filter((name) => !existsSync(join(scene.home, 'live', name, 'fullchain.pem')))).toEqual([]);
    expect((await scene.bind.serial('example.test')) - before).toBeLessThanOrEqual(2 * LINEAGES);
    await scene.expectNothingLeft();
  });
});
