import { createHash } from 'node:crypto';
import { authenticatorCases } from 'certkit/kit';
import type { DnsTask, ForeseeingAuthenticator } from 'certkit/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import dns from '../../../authenticators/dns/dns.ts';
import rfc2136 from '../../../authenticators/dns/providers/rfc2136.ts';
import { createDns } from '../../../core/edges/dns.ts';
import { createAuthenticator } from '../../../plugins/guard.ts';
import { type Bind, canServeDns, startBind } from '../../parts/bind.ts';
import { authenticatorContext } from '../../plugins/authenticator-context.ts';
import { disk } from '../../plugins/disk.ts';
import { make as makeProvider, never, pathWith } from './providers/subject.ts';
import { taskFor } from './world.ts';

const ZONE = 'example.test';

const valueFor = ({ keyAuthorization }: DnsTask) => createHash('sha256').update(keyAuthorization).digest('base64url');
const recordOf = ({ identifier }: DnsTask) => `_acme-challenge.${identifier.value.replace(/^\*\./, '')}`;

/** As core makes it for a lineage of zones at one BIND, with what it said it waits for. */
function authenticatorAt(bind: Bind, options: Readonly<Record<string, unknown>> = {}) {
  const waits: string[] = [];
  const provider = makeProvider(
    rfc2136,
    { server: bind.address, port: bind.port, 'key-name': bind.key.name, algorithm: bind.key.algorithm, secret: bind.key.secret },
    pathWith(bind.programs.bin),
  );
  const context = authenticatorContext({
    files: disk,
    programs: { run: () => Promise.reject(new Error('it runs no program')) },
    log: { debug: (text) => void waits.push(text), warn() {} },
    dns: createDns({ resolvers: async () => [bind.endpoint] }),
    dnsProviders: { find: async () => provider },
  });
  const made = createAuthenticator<ForeseeingAuthenticator<'dns-01'>>(dns as never, { provider: 'home', ...options }, context);
  return { made, waits };
}

describe.skipIf(!canServeDns)('dns at a real server', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({
      zones: [{ name: ZONE, records: ['_acme-challenge.elsewhere CNAME elsewhere.delegated.test.'] }, { name: 'delegated.test' }],
      secondary: { lagMs: 0 },
    });
  });
  afterAll(() => bind?.stop());

  for (const { title, run } of authenticatorCases) {
    test(title, () =>
      run({
        authenticator: authenticatorAt(bind).made,
        later: authenticatorAt(bind).made,
        proofsOutliveProcess: true,
        tasks: [taskFor(ZONE, 'token-a'), taskFor(`*.${ZONE}`, 'token-b')],
        expected: valueFor,
        observe: async (task: DnsTask) => (await bind.txt(recordOf(task))).find((value) => value === valueFor(task)),
      }),
    );
  }

  test('an alias leads to a record in another zone', async () => {
    const { made } = authenticatorAt(bind);
    const task = taskFor(`elsewhere.${ZONE}`, 'token');
    const [receipt] = await made.present([task], never);
    expect(receipt).toMatchObject({ zone: 'delegated.test', name: 'elsewhere.delegated.test' });
    expect(await bind.txt('elsewhere.delegated.test')).toEqual([valueFor(task)]);
    await made.remove(task);
    expect(await bind.txt('elsewhere.delegated.test')).toEqual([]);
  });

  test('fifty names of one zone are a few updates, made and removed', async () => {
    const { made } = authenticatorAt(bind);
    const before = await bind.serial(ZONE);
    const tasks = Array.from({ length: 50 }, (_, at) => taskFor(`*.n${at}.${ZONE}`, `token-${at}`));
    const receipts = await made.present(tasks, never);
    expect(receipts.filter((receipt) => receipt instanceof Error)).toEqual([]);
    await Promise.all(tasks.map((task) => made.remove(task)));
    expect((await bind.serial(ZONE)) - before).toBeLessThanOrEqual(6);
    expect(await bind.txt(`_acme-challenge.n0.${ZONE}`)).toEqual([]);
  });
});

describe.skipIf(!canServeDns)('dns with a secondary that hears of nothing', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: [{ name: ZONE }], secondary: { lagMs: Number.POSITIVE_INFINITY } });
  });
  afterAll(() => bind?.stop());

  test('waits until that one has it too, and says for whom it waits', async () => {
    const { made, waits } = authenticatorAt(bind);
    const task = taskFor(ZONE, 'token-late');
    let isDone = false;
    const presenting = made.present([task], never).finally(() => {
      isDone = true;
    });
    await expect.poll(() => waits, { timeout: 30_000 }).toContainEqual(expect.stringContaining(`ns2.${ZONE}`));
    expect(isDone).toBe(false);
    await bind.secondary?.catchUp();
    expect(await presenting).toEqual([expect.objectContaining({ value: valueFor(task) })]);
    expect(await bind.secondary?.txt(recordOf(task))).toEqual([valueFor(task)]);
    await made.remove(task);
  });

  test('at the limit, that one is named with what it has, and the record can be removed', async () => {
    const { made } = authenticatorAt(bind, { 'propagation-timeout': 1 });
    const task = taskFor(`late.${ZONE}`, 'token-too-late');
    const [presented] = await made.present([task], never);
    expect(presented).toMatchObject({
      code: 'PLUGIN_PRESENT_FAILED',
      message: expect.stringMatching(`home took the record .*ns2.${ZONE} .* has no such record`),
    });
    await made.remove(task);
    expect(await bind.txt(recordOf(task))).toEqual([]);
  });

  test('without checking it is told to the CA at once', async () => {
    const { made, waits } = authenticatorAt(bind, { check: false });
    const task = taskFor(`unchecked.${ZONE}`, 'token-unchecked');
    expect(await made.present([task], never)).toEqual([expect.objectContaining({ value: valueFor(task) })]);
    expect(waits).toEqual([]);
    expect(await bind.secondary?.txt(recordOf(task))).toEqual([]);
    await made.remove(task);
  });
});
