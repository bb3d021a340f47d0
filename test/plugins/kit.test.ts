import {
  type AuthenticatorSubject,
  authenticatorCases,
  type DnsProviderSubject,
  dnsProviderCases,
  type InstallerSubject,
  installerCases,
  type KitCase,
} from 'certkit/kit';
import type { ChangePlan, DnsProvider, HttpTask, Identifier, Survey, TxtRecord } from 'certkit/plugin';
import { describe, expect, test } from 'vitest';

// The kit is only worth something if it notices: each fault below has to fail the case that is about it.

const task = (token: string): HttpTask => ({
  type: 'http-01',
  lineage: 'one',
  identifier: { kind: 'dns', value: 'example.com', wildcard: false },
  token,
  keyAuthorization: `${token}.print`,
});

function authenticatorSubject(change: (proofs: Map<string, string>) => object = () => ({})): AuthenticatorSubject<'http-01'> {
  const proofs = new Map<string, string>();
  const authenticator = {
    unattended: true,
    concurrency: 'any' as const,
    assess: () => ({ able: true as const, challenges: ['http-01' as const] }),
    async present(tasks: readonly HttpTask[], signal: AbortSignal) {
      signal.throwIfAborted();
      for (const { token, keyAuthorization } of tasks) proofs.set(token, keyAuthorization);
      return tasks.map(({ token }) => ({ token }));
    },
    async remove({ token }: HttpTask) {
      proofs.delete(token);
    },
    ...change(proofs),
  };
  return {
    authenticator,
    later: authenticator,
    proofsOutliveProcess: true,
    tasks: [task('a'), task('b')],
    expected: ({ keyAuthorization }) => keyAuthorization,
    observe: async ({ token }) => proofs.get(token),
  };
}

const server = { key: 'k', title: 't', probeable: false };
const survey: Survey = { server, sites: [], files: [], faults: [] };
const empty: ChangePlan = { splices: [], files: [], commands: [], serves: [], refusals: [], notes: [] };
const placed = { path: '/x', content: [{ pem: 'key' as const }], mode: 0o600, lineage: 'one' };

function installerSubject(change: (world: { state: unknown }) => object = () => ({})): InstallerSubject {
  const world = { state: 'before' as unknown };
  const plan = ({ lineages }: { lineages: readonly unknown[] }) => (lineages.length === 0 ? empty : { ...empty, files: [placed] });
  return {
    installer: { survey: async () => structuredClone(survey), plan, test: async () => {}, reload: async () => {}, ...change(world) },
    request: { lineages: [{ lineage: 'one', identifiers: [task('a').identifier], pairs: [], structure: 'keep' }], liveRoot: '/live' },
    snapshot: async () => world.state,
    apply: async ({ files }) => {
      world.state = files;
    },
  };
}

/** Titles of the cases that a subject fails. */
async function failed<S>(cases: readonly KitCase<S>[], make: () => S): Promise<readonly string[]> {
  const titles: string[] = [];
  for (const { title, run } of cases) await run(make()).catch(() => titles.push(title));
  return titles;
}

type Tasks = readonly HttpTask[];
type Proofs = Map<string, string>;

/** A `present` that publishes as it should, after a word with each task. */
const presenting = (proofs: Proofs, before: (task: HttpTask) => void) => async (tasks: Tasks) =>
  tasks.map((each) => {
    before(each);
    proofs.set(each.token, each.keyAuthorization);
    return {};
  });

const refuse = (because: string) => {
  throw new Error(because);
};

describe('the kit for authenticators', () => {
  test('passes one that keeps its promises', async () => expect(await failed(authenticatorCases, authenticatorSubject)).toEqual([]));

  const faulty: readonly [string, (proofs: Proofs) => object, string][] = [
    [
      'publishes late',
      (proofs) => ({
        async present(tasks: Tasks) {
          setTimeout(() => presenting(proofs, () => {})(tasks), 5);
          return tasks.map(() => ({}));
        },
      }),
      'publishes every',
    ],
    ['answers one receipt for all', () => ({ present: async () => [{}] }), 'publishes every'],
    ['removes all at once', (proofs) => ({ remove: async () => proofs.clear() }), 'takes away one'],
    ['removes nothing', () => ({ remove: async () => {} }), 'removes what a killed'],
    ['throws on the second removal', (proofs) => ({ remove: async ({ token }: HttpTask) => proofs.delete(token) || refuse('gone') }), 'removes twice'],
    [
      'needs the very task that it presented',
      (proofs) => {
        const seen = new Set<HttpTask>();
        return {
          present: presenting(proofs, (each) => seen.add(each)),
          remove: async (each: HttpTask) => seen.has(each) && proofs.delete(each.token),
        };
      },
      'removes what a killed',
    ],
    ['does not present twice', (proofs) => ({ present: presenting(proofs, ({ token }) => proofs.has(token) && refuse('exists')) }), 'presents over leftovers'],
    ['does not listen to the signal', (proofs) => ({ present: presenting(proofs, () => {}) }), 'presents nothing once'],
    [
      'throws for a wildcard',
      () => ({ assess: ({ wildcard }: Identifier) => (wildcard ? refuse('no wildcards') : { able: true, challenges: ['http-01'] }) }),
      'says why',
    ],
    ['assesses later', () => ({ assess: async () => ({ able: true, challenges: ['http-01'] }) }), 'assesses a name'],
  ];
  for (const [title, change, expected] of faulty) {
    test(`notices one that ${title}`, async () =>
      expect(await failed(authenticatorCases, () => authenticatorSubject(change))).toContainEqual(expect.stringContaining(expected)));
  }
});

describe('the kit for installers', () => {
  test('passes one that keeps its promises', async () => expect(await failed(installerCases, installerSubject)).toEqual([]));

  let count = 0;
  const next = () => String(count++);
  const faulty: readonly [string, (world: { state: unknown }) => object, string][] = [
    [
      'changes something as it surveys',
      (world) => ({
        async survey() {
          world.state = 'after';
          return survey;
        },
      }),
      'surveys what is there',
    ],
    ['has a new key each time', () => ({ survey: async () => ({ ...survey, server: { ...server, key: next() } }) }), 'surveys what is there'],
    ['plans otherwise each time', () => ({ plan: () => ({ ...empty, files: [{ ...placed, path: `/x${next()}` }] }) }), 'plans the same'],
    [
      'writes into the survey',
      () => ({
        plan(_: unknown, given: Survey) {
          (given.sites as unknown[]).push(1);
          return empty;
        },
      }),
      'plans the same',
    ],
    [
      'changes something as it plans',
      (world) => ({
        plan() {
          world.state = 'after';
          return empty;
        },
      }),
      'plans the same',
    ],
    [
      'has its proofs elsewhere each time',
      () => ({
        locates: 'proofs' as const,
        locateProofs: () => ({ kind: 'files', at: { root: `/srv/${next()}`, path: '' }, site: '/a:1', byName: true, atPort80: true }),
      }),
      'says where it has the proofs',
    ],
    ['plans what no journal keeps', () => ({ plan: () => ({ ...empty, files: [{ ...placed, owner: undefined }] }) }), 'plans plain data'],
    ['plans for nobody', () => ({ plan: () => ({ ...empty, files: [placed] }) }), 'plans nothing'],
    [
      'is never done',
      (world) => ({ plan: () => ({ ...empty, files: [{ ...placed, content: [{ text: JSON.stringify(world.state) }] }] }) }),
      'has nothing to change',
    ],
  ];
  for (const [title, change, expected] of faulty) {
    test(`notices one that ${title}`, async () =>
      expect(await failed(installerCases, () => installerSubject(change))).toContainEqual(expect.stringContaining(expected)));
  }
});

type Records = Set<string>;

const keyOf = ({ name, value }: TxtRecord) => `${name} ${value}`;

function dnsProviderSubject(change: (records: Records) => Partial<DnsProvider> = () => ({})): DnsProviderSubject {
  const records: Records = new Set();
  const provider: DnsProvider = {
    async append(_zone, given, signal) {
      signal.throwIfAborted();
      for (const each of given) records.add(keyOf(each));
    },
    async remove(_zone, given) {
      for (const each of given) records.delete(keyOf(each));
    },
    ...change(records),
  };
  return {
    provider,
    later: provider,
    zone: 'example.com',
    names: ['_acme-challenge.example.com', '_acme-challenge.www.example.com'],
    takes: 'any-text',
    removes: true,
    place: async (each) => void records.add(keyOf(each)),
    observe: async (name) => valuesAt(records, name).map((key) => key.slice(name.length + 1)),
  };
}

/** Does something with each record, one after the other, and listens to no signal. */
const forEach =
  (act: (each: TxtRecord) => unknown): DnsProvider['append'] =>
  async (_zone, given) => {
    for (const each of given) act(each);
  };

const valuesAt = (records: Records, name: string) => [...records].filter((key) => key.startsWith(`${name} `));

const replacing = (records: Records) =>
  forEach((each) => {
    for (const key of valuesAt(records, each.name)) records.delete(key);
    records.add(keyOf(each));
  });

describe('the kit for DNS providers', () => {
  test('passes one that keeps its promises', async () => expect(await failed(dnsProviderCases, dnsProviderSubject)).toEqual([]));

  test('passes one whose service forgets by itself and takes digests alone', async () => {
    const make = () => ({
      ...dnsProviderSubject((records) => ({
        async append(_zone, given, signal) {
          signal.throwIfAborted();
          for (const each of given) records.add(each.value.length === 43 ? keyOf(each) : refuse('no digest'));
        },
        remove: async () => {},
      })),
      takes: 'digests' as const,
      removes: false,
    });
    expect(await failed(dnsProviderCases, make)).toEqual([]);
  });

  const faulty: readonly [string, (records: Records) => Partial<DnsProvider>, string][] = [
    ['replaces what is there', (records) => ({ append: replacing(records) }), 'appends beside'],
    ['keeps one value at a name', (records) => ({ append: replacing(records) }), 'several values'],
    [
      'appends the first alone',
      (records) => ({ append: (zone, [first], signal) => forEach((each) => records.add(keyOf(each)))(zone, first ? [first] : [], signal) }),
      'at several names',
    ],
    [
      'refuses what is there already',
      (records) => ({ append: forEach((each) => (records.has(keyOf(each)) ? refuse('exists') : records.add(keyOf(each)))) }),
      'is there already',
    ],
    [
      'cuts off a long text',
      (records) => ({ append: forEach((each) => records.add(keyOf({ ...each, value: each.value.slice(0, 255) }))) }),
      'longer than one string',
    ],
    [
      'removes all values of a name',
      (records) => ({ remove: forEach(({ name }) => valuesAt(records, name).map((key) => records.delete(key))) }),
      'removes these very values',
    ],
    ['removes nothing', () => ({ remove: async () => {} }), 'appends a record, and removes it'],
    [
      'removes the first alone',
      (records) => ({ remove: (zone, [first], signal) => forEach((each) => records.delete(keyOf(each)))(zone, first ? [first] : [], signal) }),
      'removes several at once',
    ],
    [
      'removes only the very records that it appended',
      (records) => {
        const seen = new Set<TxtRecord>();
        return {
          append: forEach((each) => seen.add(each) && records.add(keyOf(each))),
          remove: forEach((each) => seen.has(each) && records.delete(keyOf(each))),
        };
      },
      'removes what a killed',
    ],
    ['throws for what is gone', (records) => ({ remove: forEach((each) => records.delete(keyOf(each)) || refuse('gone')) }), 'removes twice'],
    ['wants a record', () => ({ remove: async (_zone, given) => (given.length === 0 ? refuse('nothing to do') : undefined) }), 'for no record'],
    ['does not listen to the signal', (records) => ({ append: forEach((each) => records.add(keyOf(each))) }), 'told to stop'],
  ];
  for (const [title, change, expected] of faulty) {
    test(`notices one that ${title}`, async () =>
      expect(await failed(dnsProviderCases, () => dnsProviderSubject(change))).toContainEqual(expect.stringContaining(expected)));
  }
});
