import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AcmeSh, layoutAcmeSh } from '../parts/acme-sh.ts';
import { canServeDns } from '../parts/bind.ts';
import { printed } from './certkit.ts';
import { type DnsGate, startDnsGate } from './dns-gate.ts';
import { accountAt, type DnsScene, openDnsScene } from './dns-scene.ts';

const namesOf = (scene: DnsScene, lineage: string) =>
  new X509Certificate(readFileSync(join(scene.home, 'live', lineage, 'cert.pem'))).subjectAltName?.replaceAll('DNS:', '').split(', ').sort();

/** Another provider than ours, by a stranger who imports nothing. */
const STRANGER = `export default {
  kind: 'dns-provider',
  name: 'byhand',
  summary: 'Sends what it is told to nsupdate',
  options: { key: { type: 'file', text: 'The key', required: true }, server: { type: 'text', text: 'The server', required: true } },
  create({ key, server }, { programs }) {
    const change = (line) => async (zone, records, signal) => {
      const input = ['server ' + server, 'zone ' + zone, ...records.map(line), 'send', ''].join('\\n');
      await programs.run('nsupdate', ['-k', key], { input, signal });
    };
    return {
      append: change(({ name, value, ttlSeconds }) => 'update add ' + name + '. ' + ttlSeconds + ' TXT "' + value + '"'),
      remove: change(({ name, value }) => 'update delete ' + name + '. TXT "' + value + '"'),
    };
  },
};
`;

describe.skipIf(!canServeDns)('names proven by the DNS', () => {
  let scene: DnsScene;
  let acmeSh: AcmeSh;
  beforeAll(async () => {
    const delegation = '_acme-challenge.aliased CNAME aliased.delegated.test.';
    scene = await openDnsScene({
      zones: [
        { name: 'example.test', records: [delegation] },
        { name: 'second.test', ownKey: true },
        { name: 'delegated.test', ownKey: true },
      ],
      accounts: async (bind) => {
        acmeSh = await layoutAcmeSh({ bind });
        return {
          second: accountAt(bind, 'second.test'),
          delegated: accountAt(bind, 'delegated.test'),
          'acme-sh': { plugin: 'acmesh', script: 'dns_nsupdate', program: acmeSh.script, home: acmeSh.home },
          stranger: { plugin: 'byhand', key: bind.keyFile, server: `${bind.address} ${bind.port}` },
        };
      },
    });
  });
  afterAll(async () => {
    acmeSh?.stop();
    await scene?.stop();
  });

  test('a name and its wildcard in one certificate, with a key of TSIG', async () => {
    const result = await scene.obtain(['example.test', '*.example.test']);
    expect(namesOf(scene, 'example.test')).toEqual(['*.example.test', 'example.test']);
    expect(printed(result)).toContain('dns-01');
    expect(printed(result)).not.toContain(scene.bind.key.secret);
    await scene.expectNothingLeft();
  });

  test('two names of one lineage at two providers', async () => {
    await scene.obtain(['both.example.test', 'both.second.test'], '--dns-provider', 'both.second.test=second');
    expect(namesOf(scene, 'both.example.test')).toEqual(['both.example.test', 'both.second.test']);
    await scene.expectNothingLeft();
  });

  test('an alias of the record leads into another zone', async () => {
    const result = await scene.obtain(['aliased.example.test', '*.aliased.example.test'], '--dns-provider', 'aliased.example.test=delegated');
    expect(namesOf(scene, 'aliased.example.test'), printed(result)).toEqual(['*.aliased.example.test', 'aliased.example.test']);
    await scene.expectNothingLeft();
  });

  test('dns-account-01: the record of this account', async () => {
    const result = await scene.obtain(['account.example.test'], '--dns-challenge', 'dns-account-01');
    expect(printed(result)).toContain('dns-account-01 proof for account.example.test');
    await scene.expectNothingLeft();
  });

  test('dns-persist-01: one record that stays, and a renewal that leaves the DNS alone', async () => {
    await scene.obtain(['persist.example.test', '*.persist.example.test'], '--dns-challenge', 'dns-persist-01');
    const proofs = await scene.proofs();
    expect(new Set(proofs)).toEqual(new Set(['_validation-persist.persist.example.test']));
    const serial = await scene.bind.serial('example.test');

    const renewed = await scene.certkit(['renew', 'persist.example.test', '--force']);
    expect(renewed.exitCode, printed(renewed)).toBe(0);
    expect(await scene.bind.serial('example.test')).toBe(serial);
    expect(await scene.proofs()).toEqual(proofs);
    expect(existsSync(join(scene.home, 'archive/persist.example.test/0002'))).toBe(true);
  });

  test("acme.sh's dns_nsupdate, with what acme.sh had saved for it", async () => {
    const before = await scene.proofs();
    await scene.obtain(['acmesh.example.test'], '--dns-provider', 'acmesh.example.test=acme-sh');
    expect(await scene.proofs()).toEqual(before);
  });

  test("a stranger's provider", async () => {
    const before = await scene.proofs();
    const folder = join(scene.home, 'plugins/node_modules/certkit-dns-provider-byhand');
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const claim = { contract: '^0.9.1', plugins: [{ kind: 'dns-provider', name: 'byhand', entry: './index.js' }] };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'certkit-dns-provider-byhand', version: '1.0.0', type: 'module', certkit: claim }));
    writeFileSync(join(folder, 'index.js'), STRANGER);
    await scene.obtain(['stranger.example.test'], '--dns-provider', 'stranger.example.test=stranger');
    expect(await scene.proofs()).toEqual(before);
  });

  test('a provider that is not there, and a name without a zone, are told before the CA is asked', async () => {
    const orders = scene.pebble.orders();
    const misspelt = await scene.obtaining(['other.example.test'], '--dns-provider', 'other.example.test=hom').result;
    expect(misspelt.exitCode, printed(misspelt)).toBe(3);
    expect(misspelt.stderr).toContain('dns_providers');
    const nowhere = await scene.obtaining(['nowhere.invalid']).result;
    expect(nowhere.exitCode, printed(nowhere)).toBe(3);
    expect(nowhere.stderr).toContain('PLUGIN_DNS_FAILED');
    expect(scene.pebble.orders()).toBe(orders);
  });
});

describe.skipIf(!canServeDns)('a secondary that lags 5 seconds, which the CA asks', () => {
  let scene: DnsScene;
  beforeAll(async () => {
    scene = await openDnsScene({
      zones: [{ name: 'example.test' }],
      secondary: { lagMs: 5_000 },
      caAsks: ({ secondary }) => `${secondary?.address}:${secondary?.port}`,
    });
  });
  afterAll(() => scene?.stop());

  test('the CA is told when that one has the record as well', async () => {
    await scene.obtain(['example.test', '*.example.test']);
    await scene.expectNothingLeft();
  });
});

describe.skipIf(!canServeDns)('what goes wrong leaves no record behind', () => {
  let scene: DnsScene;
  let gate: DnsGate;
  beforeAll(async () => {
    scene = await openDnsScene({
      zones: [{ name: 'example.test', grants: ['subdomain sub.example.test. TXT', 'name _acme-challenge.example.test. TXT'] }],
      caAsks: async (bind) => {
        gate = await startDnsGate(bind);
        return gate.endpoint;
      },
    });
  });
  afterAll(async () => {
    await scene?.stop();
    await gate?.stop();
  });

  /** Lines of a shell that make and remove what lego's convention says. */
  function setRecord(): string {
    const { address, port, keyFile } = scene.bind;
    return `test "$1" = present && verb=add ttl=60 || verb=delete ttl=
printf 'server ${address} ${port}\\nupdate %s %s %s TXT "%s"\\nsend\\n' $verb "$2" "$ttl" "$3" | nsupdate -k ${keyFile} || exit 1
`;
  }

  /** Records with other names than its own are beyond this key. */
  test('a zone refuses one name: it is told, and the other name of the lineage is taken back', async () => {
    const result = await scene.obtaining(['example.test', 'beyond.example.test']).result;
    expect(result.exitCode, printed(result)).toBe(3);
    expect(result.stderr).toMatch(/refused/i);
    await scene.expectNothingLeft();
  });

  test('killed while the CA looks: the next run takes the record away', async () => {
    gate.close();
    const running = scene.obtaining(['killed.sub.example.test']);
    await gate.knocked();
    running.kill('SIGKILL');
    await running.result;
    expect(await scene.proofs()).toEqual(['_acme-challenge.killed.sub.example.test']);
    gate.open();
    const recovered = await scene.certkit(['recover']);
    expect(recovered.exitCode, printed(recovered)).toBe(0);
    await scene.expectNothingLeft();
  });

  test('stopped while the CA looks: it cleans up by itself', async () => {
    gate.close();
    const running = scene.obtaining(['stopped.sub.example.test']);
    await gate.knocked();
    running.kill('SIGTERM');
    const result = await running.result;
    gate.open();
    expect(result.stderr, printed(result)).toContain('SIGTERM');
    expect(await scene.proofs()).toEqual([]);
    const recovered = await scene.certkit(['recover']);
    expect(recovered.exitCode, printed(recovered)).toBe(0);
    await scene.expectNothingLeft();
  });

  /** A provider that has made a record and is not done while the file `hold` is there. */
  function slowProvider(): { readonly flag: string; letGo(): void } {
    const hold = join(scene.home, 'hold');
    writeFileSync(hold, '');
    const program = scene.writeProgram('slow-record', `${setRecord()}test "$1" = cleanup || while test -e ${hold}; do sleep 0.05; done\n`);
    return { flag: `exec:${program}`, letGo: () => rmSync(hold, { force: true }) };
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`${signal} while a provider is at work: what that may have made is taken away`, async () => {
      const { flag, letGo } = slowProvider();
      const name = `${signal.toLowerCase()}.sub.example.test`;
      const running = scene.obtaining([name], '--dns-provider', `${name}=${flag}`);
      await expect.poll(() => scene.bind.txt(`_acme-challenge.${name}`), { timeout: 30_000 }).toHaveLength(1);
      running.kill(signal);
      const result = await running.result;
      letGo();
      if (signal === 'SIGTERM') expect(result.stderr, printed(result)).toContain('SIGTERM');
      else expect((await scene.certkit(['recover'])).exitCode).toBe(0);
      await scene.expectNothingLeft();
    });
  }

  test('records that cannot be removed are told, and are removed by a later run, however many renewals later', async () => {
    const broken = join(scene.home, 'broken');
    const program = scene.writeProgram('set-record', `test "$1" = cleanup && test -e ${broken} && { echo 'out of order' >&2; exit 1; }\n${setRecord()}`);
    writeFileSync(broken, '');
    const result = await scene.obtain(['left.sub.example.test'], '--dns-provider', `left.sub.example.test=exec:${program}`);
    expect(result.stderr).toContain('out of order');
    const renewed = await scene.certkit(['renew', 'left.sub.example.test', '--force']);
    expect(renewed.exitCode, printed(renewed)).toBe(0);
    expect(await scene.proofs()).toEqual(['_acme-challenge.left.sub.example.test', '_acme-challenge.left.sub.example.test']);

    rmSync(broken);
    const recovered = await scene.certkit(['recover']);
    expect(recovered.exitCode, printed(recovered)).toBe(0);
    await scene.expectNothingLeft();
  });
});

describe.skipIf(!canServeDns)('a secondary that hears of nothing', () => {
  let scene: DnsScene;
  beforeAll(async () => {
    scene = await openDnsScene({
      zones: [{ name: 'example.test' }],
      secondary: { lagMs: Number.POSITIVE_INFINITY },
      caAsks: ({ secondary }) => `${secondary?.address}:${secondary?.port}`,
    });
  });
  afterAll(() => scene?.stop());

  const untilMade = (name: string) => expect.poll(() => scene.bind.txt(name), { timeout: 30_000 }).toHaveLength(1);

  test('at the limit it is named with what it has, the CA is not told, and the record is taken back', async () => {
    const result = await scene.obtaining(['late.example.test'], '--dns-propagation-timeout', '1').result;
    expect(result.exitCode, printed(result)).toBe(3);
    expect(result.stderr).toMatch(/ns2\.example\.test \(\S+\) has no such record/);
    expect(result.stderr).toContain('--dns-propagation-timeout');
    expect(scene.pebble.requests().filter(({ path }) => path.startsWith('/chalZ/'))).toEqual([]);
    await scene.expectNothingLeft();
  });

  test('a CA that is told without looking looks too early, and the record is taken back', async () => {
    const result = await scene.obtaining(['early.example.test'], '--no-dns-check').result;
    expect(result.exitCode, printed(result)).toBe(4);
    await scene.expectNothingLeft();
  });

  test('killed while it waits: the next run takes the record away', async () => {
    const running = scene.obtaining(['killed.example.test']);
    await untilMade('_acme-challenge.killed.example.test');
    running.kill('SIGKILL');
    await running.result;
    const recovered = await scene.certkit(['recover']);
    expect(recovered.exitCode, printed(recovered)).toBe(0);
    await scene.expectNothingLeft();
  });

  test('stopped while it waits: it takes the record away itself', async () => {
    const running = scene.obtaining(['stopped.example.test']);
    await untilMade('_acme-challenge.stopped.example.test');
    running.kill('SIGTERM');
    const result = await running.result;
    expect(result.stderr, printed(result)).toContain('SIGTERM');
    await scene.expectNothingLeft();
  });
});
