import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Call, endsOf, type Remembered, type Step } from './history.ts';
import { type Ca, startCa } from './support/ca.ts';
import { openScene, type Scene } from './support/scene.ts';
import { expectWhole } from './whole.ts';

// Several processes at one home: the kernel's locks, seen through the built program.

const STORM_MS = Number(process.env.CERTKIT_LOCKS_SECONDS ?? 20) * 1_000;
const SEED = Number(process.env.CERTKIT_LOCKS_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 10;

vi.setConfig({ testTimeout: 180_000 + 4 * STORM_MS });

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const NAME = 'example.test';
const OTHER = 'other.test';
const TLS = { names: [NAME], tls: true };

/** A person's command for a site that is there. */
const runAgain = (scene: Scene, name: string): readonly string[] => {
  const site = scene.sites.find((one) => one.name === name);
  const { binary, 'reload-command': reload, 'test-command': check } = scene.installer as Readonly<Record<string, string>>;
  return [
    ...['-d', name, '--authenticator', 'webroot', '--webroot-root', site?.webroot ?? '', '--installer', 'nginx-custom'],
    ...['--nginx-custom-binary', binary ?? '', '--nginx-custom-reload-command', reload ?? '', '--nginx-custom-test-command', check ?? ''],
  ];
};

interface Answer {
  readonly error?: { readonly code: string; readonly message: string };
  readonly renewals?: readonly { readonly lineage: string; readonly result: string; readonly version?: number }[];
  readonly deployments?: readonly { readonly lineage: string; readonly result: string; readonly version?: number }[];
  readonly deployment?: { readonly lineage: string; readonly result: string; readonly version?: number };
  readonly from?: number;
  readonly to?: number;
  readonly released?: readonly number[];
}

/** Runs a command and answers when it ran and what it said. */
async function call(scene: Scene, args: readonly string[]) {
  const startMs = Date.now();
  const result = await scene.home.run([...args, '--json']);
  const endMs = Date.now();
  const words = args
    .filter((word) => !word.startsWith('/'))
    .slice(0, 4)
    .join(' ');
  const answer = (result.stdout.trim() === '' ? {} : JSON.parse(result.stdout)) as Answer;
  return { words, startMs, endMs, exitCode: result.exitCode, stderr: result.stderr, answer };
}

/** What the answer says was done to a lineage, in the order it was done. */
function stepsFor(lineage: string, { words, answer }: Awaited<ReturnType<typeof call>>): readonly Step[] {
  const steps: Step[] = [];
  if (/^(rollback|release) /.test(words) && !words.endsWith(` ${lineage}`)) return [];
  if (words.startsWith('rollback')) {
    if (answer.error?.code === 'USAGE_NO_ROLLBACK') return [{ kind: 'refuse-rollback' }];
    steps.push({ kind: 'choose', from: answer.from ?? 0, to: answer.to ?? 0 });
  }
  if (words.startsWith('release')) return [{ kind: 'release', released: answer.released ?? [] }];
  for (const { lineage: name, result, version = 0 } of answer.renewals ?? [])
    if (name === lineage && result === 'renewed') steps.push({ kind: 'obtain', version });
  const asked = !words.startsWith('renew');
  for (const { lineage: name, result, version } of [...(answer.deployments ?? []), ...(answer.deployment === undefined ? [] : [answer.deployment])]) {
    if (name !== lineage) continue;
    if (result === 'failed') steps.push({ kind: 'refuse-rejected', version: Number(/^Version (\d+)/.exec(answer.error?.message ?? '')?.[1]) });
    else if (result !== 'not-due') steps.push({ kind: 'deploy', asked, version: version ?? 0, ...(words.startsWith('rollback') ? { exactly: true } : {}) });
  }
  return steps;
}

/** What the disk remembers. */
function remembered(scene: Scene, lineage: string): Remembered {
  const { versions, live } = expectWhole(scene.home.path);
  const path = join(scene.home.path, 'state', 'lineages', `${lineage}.json`);
  const state = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { rejected: readonly number[]; chosen?: { version: number } }) : { rejected: [] };
  const own = versions.get(lineage) ?? [];
  const rejected = [...state.rejected].sort((a, b) => a - b);
  return {
    versions: own,
    newest: own.at(-1) ?? 0,
    live: live.get(lineage) ?? 0,
    rejected,
    ...(state.chosen === undefined ? {} : { chosen: state.chosen.version }),
  };
}

/** Small, and the same for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test(`ten runs at once with random commands: disk, server and a simple model agree (seed ${SEED})`, async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [TLS, { names: [OTHER], tls: true }] }, onTestFinished);
  expect((await scene.certkit('renew')).exitCode).toBe(0);
  const lineages = [NAME, OTHER];
  const first = new Map(lineages.map((lineage) => [lineage, remembered(scene, lineage)]));

  const next = chance(SEED);
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const commands: readonly ((lineage: string) => readonly string[])[] = [
    (lineage) => ['renew', lineage, '--force'],
    (lineage) => ['renew', lineage, '--force', '--no-deploy'],
    (lineage) => ['deploy', lineage, '--now'],
    (lineage) => ['rollback', lineage],
    (lineage) => ['release', lineage],
    (lineage) => ['status', lineage],
    (lineage) => runAgain(scene, lineage),
    () => ['renew'],
    () => ['recover'],
  ];
  const calls: Awaited<ReturnType<typeof call>>[] = [];
  const endMs = Date.now() + STORM_MS;
  const worker = async () => {
    while (Date.now() < endMs) calls.push(await call(scene, oneOf(commands)(oneOf(lineages))));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  const told = (one: (typeof calls)[number]) => `${one.words}: exit ${one.exitCode}\n${JSON.stringify(one.answer, undefined, 1)}\n${one.stderr}`;
  for (const one of calls) {
    if (one.exitCode === 0) continue;
    expect(['USAGE_NO_ROLLBACK', 'USAGE_REJECTED_VERSION'], told(one)).toContain(one.answer.error?.code);
    expect(one.exitCode, told(one)).toBe(2);
  }
  expect(expectWhole(scene.home.path).journal).toEqual([]);
  scene.expectAtRest();
  for (const lineage of lineages) {
    const history: Call[] = calls.map((one) => ({ words: one.words, startMs: one.startMs, endMs: one.endMs, steps: stepsFor(lineage, one) }));
    const found = remembered(scene, lineage);
    const told = history
      .filter(({ steps }) => steps.length > 0)
      .map(({ words, startMs, endMs: end, steps }) => `${startMs % 1e6}-${end % 1e6} ${words} ${JSON.stringify(steps)}`)
      .join('\n');
    expect(
      endsOf(
        first.get(lineage) as Remembered,
        history.filter(({ steps }) => steps.length > 0),
      ),
      `seed ${SEED}, ${lineage}\n${told}`,
    ).toContainEqual(found);
    expect(await scene.served(lineage)).toBe(scene.leafOf(lineage, found.live));
  }
  console.log(`locks: ${calls.length} commands in ${STORM_MS / 1_000} s, ${AT_ONCE} at once, seed ${SEED}`);
});

describe('two runs at once', () => {
  test.concurrent('both renew by force: two versions, one after the other, and the later one is served', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS] }, onTestFinished);
    const both = await Promise.all([call(scene, ['renew', '--force']), call(scene, ['renew', '--force'])]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(both.map(({ answer }) => answer.renewals?.[0]?.version).sort()).toEqual([1, 2]);
    expect(remembered(scene, NAME)).toMatchObject({ versions: [1, 2], live: 2 });
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 2));
    scene.expectAtRest();
  });

  test.concurrent('both are due: one renews, the other finds that nothing is due any more', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS] }, onTestFinished);
    const both = await Promise.all([call(scene, ['renew']), call(scene, ['renew'])]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(both.map(({ answer }) => answer.renewals?.[0]?.result).sort()).toEqual(['not-due', 'renewed']);
    expect(remembered(scene, NAME)).toMatchObject({ versions: [1], live: 1 });
    expect(scene.scripts.reloadCalls()).toBe(1);
    scene.expectAtRest();
  });

  test.concurrent('of two lineages at one server: each is served', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS, { names: [OTHER], tls: true }] }, onTestFinished);
    const both = await Promise.all([call(scene, ['renew', NAME]), call(scene, ['renew', OTHER])]);
    expect(both.map(({ exitCode, stderr }) => [exitCode, exitCode === 0 ? '' : stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    for (const name of [NAME, OTHER]) expect(await scene.served(name)).toBe(scene.leafOf(name, 1));
    scene.expectAtRest();
  });
});

describe('a holder that is killed', () => {
  const AT_ONCE_MS = 10_000; // of a limit of ten minutes; the commands after it take their time on a busy machine

  test.concurrent('in its deployment, frees its locks at once: the one that waits goes on and leaves nothing of it', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS] }, onTestFinished);
    expect((await scene.certkit('renew', '--no-deploy')).exitCode).toBe(0);
    scene.scripts.onReload('hold', 'hup');
    const holder = scene.home.start(['deploy', '--now']);
    await scene.scripts.held();
    const waiting = scene.start('deploy', '--now');
    await waiting.running.printed(new RegExp(`waiting for .*${NAME}, held by process ${holder.pid}`));
    const killedMs = Date.now();
    holder.kill('SIGKILL');
    const seen = await waiting.seen;
    expect(Date.now() - killedMs).toBeLessThan(AT_ONCE_MS);
    scene.scripts.letGo(); // the killed one's script outlived it all the while
    expect(seen.exitCode, seen.all).toBe(0);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    scene.expectAtRest();
    expect((await scene.certkit('recover')).exitCode).toBe(0);
    expect(scene.live(NAME)).toBe(`../archive/${NAME}/0001`);
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
  });

  test.concurrent('in its renewal, frees its lock at once: the one that waits goes on with its order', async ({ onTestFinished }) => {
    const scene = await openScene(ca, { sites: [TLS] }, onTestFinished);
    // It stands still from the CA's question on, so that its proof is there for all that the CA asks.
    const asked = ca.pausesAt(scene.nginx.httpPort, () => holder.kill('SIGSTOP'));
    const holder = scene.home.start(['renew']);
    await asked;
    const waiting = scene.start('renew');
    await waiting.running.printed(new RegExp(`waiting for .*${NAME}, held by process ${holder.pid}`));
    const killedMs = Date.now();
    holder.kill('SIGKILL');
    const seen = await waiting.seen;
    expect(Date.now() - killedMs).toBeLessThan(AT_ONCE_MS);
    expect(seen.exitCode, seen.all).toBe(0);
    expect(seen.words).toContain('going on with the order');
    expect(remembered(scene, NAME)).toMatchObject({ versions: [1], live: 1 });
    expect(await scene.served(NAME)).toBe(scene.leafOf(NAME, 1));
    const proofs = join(scene.sites[0]?.webroot ?? '', '.well-known/acme-challenge');
    expect(existsSync(proofs) ? readdirSync(proofs) : [], 'proofs').toEqual([]);
    scene.expectAtRest();
  });
});
