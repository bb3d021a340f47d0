import { expect, test } from 'vitest';
import { fault } from '../../core/errors.ts';
import type { Needs, WantedPaths } from '../../core/flows/needs.ts';
import { createServedPaths } from '../../core/flows/served-paths.ts';
import { slotOf } from '../../core/flows/target.ts';
import type { PluginChoice } from '../../core/model/lineage.ts';
import type { Installer, LocatingInstaller, ProofsPlace, Survey } from '../../plugins/contract.ts';

const PROOFS = '.well-known/acme-challenge';
const identifier = (value: string) => ({ kind: 'dns', value, wildcard: false }) as const;
const choice = (plugin: string): PluginChoice => ({ plugin, options: {} });
const has = (root: string): ProofsPlace => ({ kind: 'files', at: { root, path: PROOFS }, site: '/etc/site.conf:1', byName: true, atPort80: true });
const passesOn: ProofsPlace = { kind: 'none', because: '"proxy_pass x" (/etc/site.conf:2) answers, and not a file', byName: true, atPort80: true };

/** By plugin: what its one server has by name; no server at all; no word about such things; or a fault of its own. */
type World = Readonly<Record<string, Readonly<Record<string, ProofsPlace>> | 'absent' | 'mute' | 'broken'>>;

/** Servers as their installers know them, those of `lineages` in use by a lineage. */
function serversOf(world: World, lineages: readonly string[] = []) {
  const surveyed: string[] = [];
  const installer = (plugin: string): Installer | LocatingInstaller => {
    const own = world[plugin];
    const unused = () => expect.fail('only looked at');
    const base: Installer = {
      async survey(): Promise<Survey> {
        surveyed.push(plugin);
        if (own === 'absent' || own === undefined) throw fault('INSTALLER_NOT_FOUND', { installer: plugin, because: 'it is not there' });
        return { server: { key: plugin, title: `the ${plugin} server`, probeable: true }, sites: [], files: [], faults: [] };
      },
      plan: unused,
      test: unused,
      reload: unused,
    };
    const broken = () => {
      throw fault('PLUGIN_FAILED', { plugin, during: 'locateProofs', because: 'x is undefined' });
    };
    if (own === 'broken') return { ...base, locates: 'proofs', locateProofs: broken };
    return typeof own === 'object' ? { ...base, locates: 'proofs', locateProofs: ({ value }) => own[value] } : base;
  };
  const needs = {
    plugins: { installer: async ({ plugin }: PluginChoice) => installer(plugin), unasked: async () => Object.keys(world).map(choice) },
    store: { overview: async () => lineages.map((plugin) => ({ name: plugin, readable: true, lineage: { installers: [choice(plugin)] } })) },
    signal: new AbortController().signal,
  } as unknown as Needs; // nobody asks for the rest here
  const paths = createServedPaths(() => needs);
  const find = (names: readonly string[], change: Partial<WantedPaths> = {}) =>
    paths.find({
      prover: {
        assess: ({ value }) => ({ able: true, challenges: ['http-01'], wants: 'served-path', wayOut: `--webroot-root ${value}=DIRECTORY` }),
        choiceFor: () => ({ plugin: 'webroot', options: {} }),
      },
      identifiers: names.map(identifier),
      installers: [],
      ...change,
    });
  return { find, surveyed };
}

test("the lineage's own server is asked first, and no other where it has all names", async () => {
  const { find, surveyed } = serversOf({ nginx: { 'a.test': has('/srv/a') }, other: { 'a.test': has('/srv/other') } });
  expect(await find(['a.test'], { installers: [choice('nginx')] })).toEqual(new Map([['a.test', { root: '/srv/a', path: PROOFS }]]));
  expect(surveyed).toEqual(['nginx']);
});

test('what the own server does not have is looked for in all that installers find', async () => {
  const { find } = serversOf({ files: 'mute', nginx: { 'a.test': passesOn, 'b.test': has('/srv/b') }, other: { 'a.test': has('/srv/other') }, gone: 'absent' });
  const found = await find(['a.test', 'b.test'], { installers: [choice('files'), choice('nginx')] });
  expect([...found.values()].map(({ root }) => root)).toEqual(['/srv/other', '/srv/b']);
});

test('each server is surveyed once, for however many lineages, and not if it was looked at just now', async () => {
  const { find, surveyed } = serversOf({ nginx: { 'a.test': has('/srv/a') }, other: { 'b.test': has('/srv/b') }, gone: 'absent' });
  const survey: Survey = { server: { key: 'nginx', title: 'the nginx server', probeable: true }, sites: [], files: [], faults: [] };
  await find(['a.test'], { installers: [choice('nginx')], looked: new Map([[slotOf(choice('nginx')), { survey }]]) });
  await find(['a.test', 'b.test']);
  await find(['b.test']);
  expect(surveyed.toSorted()).toEqual(['gone', 'other']);
});

test('nobody is looked at for names whose authenticator does not want to know', async () => {
  const { find, surveyed } = serversOf({ nginx: {} });
  const prover: WantedPaths['prover'] = { assess: () => ({ able: true, challenges: ['http-01'] }), choiceFor: () => ({ plugin: 'webroot', options: {} }) };
  expect(await find(['a.test'], { prover, installers: [choice('nginx')] })).toEqual(new Map());
  expect(surveyed).toEqual([]);
});

test('two answers are an error that lists both and says how to choose', async () => {
  const { find } = serversOf({ nginx: { 'a.test': has('/srv/a') }, other: { 'a.test': has('/srv/b') } });
  await expect(find(['a.test'])).rejects.toMatchObject({
    code: 'INSTALLER_SEVERAL_WEBROOTS',
    message: expect.stringMatching(
      /\/srv\/a\/\.well-known\/acme-challenge, by \/etc\/site\.conf:1 of the nginx server\n.*\/srv\/b\/\.well-known\/acme-challenge, by .* of the other server/,
    ),
    hint: expect.stringContaining('--webroot-root a.test=DIRECTORY'),
  });
});

test('none is an error with the servers that were looked at, and what stands in the way', async () => {
  const world: World = { nginx: { 'a.test': passesOn }, other: {}, files: 'mute', gone: 'absent' };
  await expect(serversOf(world).find(['a.test'])).rejects.toMatchObject({
    code: 'INSTALLER_NO_WEBROOT',
    message: expect.stringMatching(
      /a\.test:\n {2}the nginx server: "proxy_pass x" \(\/etc\/site\.conf:2\) answers, and not a file\n {2}the other server: nothing there/,
    ),
    hint: expect.stringContaining('--webroot-root a.test=DIRECTORY'),
  });
  await expect(serversOf(world).find(['b.test'])).rejects.toThrow(/the nginx server, the other server: nothing there is for the name over plain HTTP/);
  await expect(serversOf({ gone: 'absent' }).find(['b.test'])).rejects.toThrow(/no web server was found on this machine/);
});

test('a server that a lineage uses and that cannot be looked at is told', async () => {
  await expect(serversOf({ nginx: {}, gone: 'absent' }, ['gone']).find(['a.test'])).rejects.toThrow(/gone: gone found no server: it is not there/);
});

test('an installer that breaks is in the way of nobody who is served by another', async () => {
  const { find } = serversOf({ broken: 'broken', nginx: { 'a.test': has('/srv/a') } });
  expect((await find(['a.test'])).get('a.test')?.root).toBe('/srv/a');
  await expect(find(['b.test'])).rejects.toThrow(/the broken server: broken failed during locateProofs: x is undefined/);
});
