import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { CATALOG, type Certkit, compose } from '../../../../core/composition.ts';
import type { DeployOutcome } from '../../../../core/flows/deploy-outcome.ts';
import nginx from '../../../../installers/nginx/nginx.ts';
import nginxCustom from '../../../../installers/nginx-custom/nginx-custom.ts';
import type { Catalog } from '../../../../plugins/catalog.ts';
import { pickedProtocol } from '../../../parts/handshake.ts';
import { accepts } from '../../../parts/ports.ts';
import { projectRoot } from '../../../parts/tools.ts';
import { type Authority, createAuthority, type Held } from './authority.ts';
import { type Laid, layGround } from './ground.ts';
import type { Installed, Layout, Place, Refused } from './layout.ts';
import { filesBelow, keyOf, servedAt, targetOf } from './picture.ts';

/** A test for each layout: install, be served, install again without a change, and take everything out again. */
export function proveLayouts(layouts: readonly Layout[]): void {
  const authority = createAuthority();
  for (const layout of layouts) test.concurrent(layout.title, (context) => proveLayout(layout, authority, context));
}

interface Scene extends Laid {
  readonly certkit: Certkit;
  readonly held: readonly Held[];
  readonly others: readonly Place[];
}

async function proveLayout(layout: Layout, authority: Authority, { onTestFinished, skip, task }: TestContext): Promise<void> {
  const { needsPort } = layout;
  if (needsPort !== undefined) skip(await accepts(needsPort), `something listens on port ${needsPort}`);
  const laid = await layGround(layout);
  const { ground, nginx: server } = laid;
  const told: string[] = [];
  onTestFinished(async () => {
    if (task.result?.state === 'fail') console.log([`${layout.title}: all that was told`, ...told, server.errorLog()].join('\n'));
    await server.stop();
  });
  const home = join(ground.root, 'etc/certkit');
  const installer = { plugin: 'nginx-custom', 'tls-port': ground.https, ...(layout.options?.(ground) ?? { binary: server.binary }) };
  const held = authority.furnish(home, layout.certificates, installer);
  const certkit = composeFor(home, told);
  onTestFinished(() => certkit.close());
  await laid.start();
  const scene: Scene = { ...laid, certkit, held, others: layout.others?.(ground) ?? [] };
  if ('served' in layout.expect) await proveInstalled(layout.expect, scene, told);
  else await proveRefused(layout.expect, scene, told);
}

async function proveInstalled({ served, protocol, stays = [] }: Installed, { ground, nginx: server, certkit, held, others }: Scene, told: string[]) {
  const places = served(ground);
  const wanted = leavesAt(places, held);
  const names = held.map(({ name }) => name);
  const before = { files: filesBelow(ground.root), seen: await servedAt([...places, ...others]), words: wordsOf(server.test()) };
  const othersBefore = await servedAt(others);
  expect(before.seen, 'before it is installed').not.toMatchObject(wanted);

  const installed = await deploy(certkit, told);
  expect(installed.map(({ result }) => result)).toEqual(names.map(() => 'deployed'));
  const after = await servedAt(places);
  expect(after).toMatchObject(wanted);
  expect(await servedAt(others), 'names of others').toEqual(othersBefore);
  for (const keyType of stays) expect(await servedAt(places, [keyType]), 'the pair that stays').toEqual(pick(before.seen, places, keyType));
  if (protocol !== undefined) {
    const picked = await Promise.all(places.map((place) => pickedProtocol({ ...targetOf(place), protocols: ['h2', 'http/1.1'] })));
    expect(picked).toEqual(places.map(() => (protocol === 'h2' ? 'h2' : expect.not.stringMatching('h2'))));
  }
  expect(before.words, 'words of nginx -t').toEqual(expect.arrayContaining([...wordsOf(server.test())]));
  expect(server.reloads(), 'reloads').toBe(1);

  const withOurs = filesBelow(ground.root);
  const again = await deploy(certkit, told);
  expect(again.map(({ result }) => result)).toEqual(names.map(() => 'already-served'));
  const unattended = await deploy(certkit, told, { structure: 'keep', dryRun: true });
  expect(unattended.map((outcome) => 'changes' in outcome && outcome.changes)).toEqual(names.map(() => []));
  expect(filesBelow(ground.root), 'after nothing was to be done').toEqual(withOurs);
  expect(server.reloads(), 'reloads').toBe(1);

  for (const name of names) told.push(`undeploy: ${JSON.stringify(await certkit.undeploy(name, { dryRun: false }))}`);
  expect(filesBelow(ground.root), 'after it was taken out').toEqual(before.files);
  expect(await servedAt([...places, ...others]), 'after it was taken out').toEqual(before.seen);
  expect(server.reloads(), 'reloads').toBe(1 + names.length);
}

async function proveRefused({ code, says }: Refused, { ground, nginx: server, certkit, others }: Scene, told: string[]) {
  const before = { files: filesBelow(ground.root), seen: await servedAt(others) };
  const outcomes = await deploy(certkit, told);
  const refusals = outcomes.flatMap((outcome) => (outcome.result === 'failed' ? [outcome.error] : []));
  expect(refusals.map((error) => error.code)).toContain(code);
  expect(refusals.map(({ message, hint }) => `${message}\n${hint}`).join('\n')).toMatch(says);
  expect(filesBelow(ground.root)).toEqual(before.files);
  expect(await servedAt(others)).toEqual(before.seen);
  expect(server.reloads(), 'reloads').toBe(0);
}

function composeFor(home: string, told: string[]): Certkit {
  // The plugins of these sources: the catalog would take those of the last build.
  const found = new Map<string, unknown>([nginx, nginxCustom].map((plugin) => [plugin.name, plugin]));
  const catalog = { find: async (_kind: string, name: string) => found.get(name), list: async () => [] } as unknown as Catalog;
  return compose(
    {
      home,
      path: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      uid: process.getuid?.() ?? 0,
      version: '0.0.0',
      packageRoot: projectRoot,
      agreeToTerms: async () => false,
      tell: (event) => told.push(JSON.stringify(event)),
      log: { debug: () => {}, warn: (text) => told.push(text) },
      signal: new AbortController().signal,
      watched: true,
    },
    (graph) => graph.register(CATALOG, { useValue: catalog }),
  );
}

async function deploy(
  certkit: Certkit,
  told: string[],
  change: { readonly structure?: 'keep'; readonly dryRun?: boolean } = {},
): Promise<readonly DeployOutcome[]> {
  const { outcomes } = await certkit.deploy(await certkit.store.overview(), { asked: true, structure: 'may-change', dryRun: false, ...change });
  for (const outcome of outcomes) {
    if (outcome.result === 'failed') told.push(`${outcome.lineage}: ${outcome.error.code} ${outcome.error.message}\n${outcome.error.hint}`);
  }
  return outcomes;
}

function leavesAt(places: readonly Place[], held: readonly Held[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    places.flatMap(([name, address]) => {
      const lineage = held.find(({ names }) => names.includes(name)) ?? held[0];
      return [...(lineage?.leaves ?? [])].map(([keyType, leaf]) => [keyOf(name, address, keyType), leaf]);
    }),
  );
}

const pick = (seen: Readonly<Record<string, string>>, places: readonly Place[], keyType: 'ecdsa' | 'rsa') =>
  Object.fromEntries(places.map(([name, address]) => [keyOf(name, address, keyType), seen[keyOf(name, address, keyType)]]));

/** What nginx says of its configuration. The number of a line may change, and a warning of names comes at a new address too. */
const wordsOf = ({ output }: { readonly output: string }): readonly string[] =>
  output
    .trim()
    .split('\n')
    .map((line) => line.replace(/:\d+$/, '').replace(/ on \S+, ignored$/, ', ignored'));
