import type {
  Authenticator,
  AuthenticatorDefinition,
  DeployRequest,
  HttpTask,
  Installer,
  InstallerDefinition,
  LocatingInstaller,
  OptionDeclarations,
  PluginContext,
} from 'certkit/plugin';
import { describe, expect, test, vi } from 'vitest';
import { fault } from '../../core/errors.ts';
import { createAuthenticator, createInstaller } from '../../plugins/guard.ts';
import { authenticatorContext } from './authenticator-context.ts';
import { disk } from './disk.ts';

const never = new AbortController().signal;
const sha256 = 'a'.repeat(64);
const identifier = { kind: 'dns', value: 'example.com', wildcard: false } as const;
const task: HttpTask = { type: 'http-01', lineage: 'one', identifier, token: 'token', keyAuthorization: 'token.print' };
const request: DeployRequest = { liveRoot: '/live', lineages: [{ lineage: 'one', identifiers: [identifier], pairs: [], structure: 'keep' }] };
const empty = { splices: [], files: [], commands: [], serves: [], refusals: [], notes: [] };
const survey = {
  server: { key: 'k', title: 't', probeable: false },
  sites: [],
  files: [{ path: '/etc/a.conf', sha256, bytes: new Uint8Array(10) }],
  faults: [],
  own: 'member',
};

const context = authenticatorContext({
  files: disk,
  programs: { run: async () => ({ exitCode: 0, stdout: '', stderr: '' }) },
  log: { debug() {}, warn() {} },
});

// A stranger's plugin may make anything; the casts stand for JavaScript without types.
function authenticator(made: object, raw: Record<string, unknown> = {}, given = context): Authenticator {
  const good = {
    unattended: true,
    concurrency: 'any',
    assess: () => ({ able: true, challenges: ['http-01'] }),
    present: async () => [{}],
    remove: async () => {},
  };
  const options = { key: { type: 'text', text: 'x', secret: true } } as const;
  const definition = { kind: 'authenticator', name: 'demo', summary: 'x', options, create: () => ({ ...good, ...made }) };
  return createAuthenticator(definition as unknown as AuthenticatorDefinition<OptionDeclarations, Authenticator>, raw, given);
}

function installer(made: object): Installer | LocatingInstaller {
  const good = { survey: async () => survey, plan: () => empty, test: async () => {}, reload: async () => {} };
  const definition = { kind: 'installer', name: 'demo', summary: 'x', options: {}, create: () => ({ ...good, ...made }) };
  return createInstaller(definition as unknown as InstallerDefinition, {}, context);
}

const throwing = (error: unknown) => () => {
  throw error;
};

const failure = (code: string, message: string, more: object = {}) => expect.objectContaining({ code, message: expect.stringContaining(message), ...more });

describe('what a plugin throws', () => {
  test('without a code becomes PLUGIN_FAILED with the method', async () => {
    await expect(authenticator({ present: throwing(new TypeError('x is undefined')) }).present([task], never)).rejects.toThrow(
      failure('PLUGIN_FAILED', 'demo failed during present: x is undefined'),
    );
    await expect(authenticator({ remove: async () => Promise.reject('text') }).remove(task)).rejects.toThrow(failure('PLUGIN_FAILED', 'during remove: text'));
    expect(() => authenticator({ assess: throwing(undefined) }).assess(identifier)).toThrow(failure('PLUGIN_FAILED', 'during assess'));
    await expect(installer({ reload: throwing(new Error('')) }).reload(never)).rejects.toThrow(failure('PLUGIN_FAILED', 'during reload: it gave no reason'));
  });

  test('with a code of the contract and a hint is shown in its own words', async () => {
    const rejected = Object.assign(new Error('nginx: [emerg]'), { code: 'INSTALLER_REJECTED', hint: 'its own hint' });
    await expect(installer({ test: throwing(rejected) }).test(never)).rejects.toThrow(
      failure('INSTALLER_REJECTED', 'nginx: [emerg]', { hint: 'its own hint', name: 'CertkitError' }),
    );
  });

  test('with another code, or without a hint, is a plain failure', async () => {
    for (const extra of [{ code: 'STORE_LOCKED', hint: 'x' }, { code: 'ENOENT', hint: 'x' }, { code: 'INSTALLER_REJECTED' }, { code: 'toString', hint: 'x' }]) {
      await expect(installer({ test: throwing(Object.assign(new Error('no'), extra)) }).test(never)).rejects.toThrow(
        failure('PLUGIN_FAILED', 'during test: no'),
      );
    }
  });

  test('that came from a port of core stays as it is', async () => {
    const error = fault('EXEC_NOT_FOUND', { file: 'nginx' });
    await expect(installer({ reload: throwing(error) }).reload(never)).rejects.toBe(error);
  });

  test('after an abort is told as the abort', async () => {
    const stop = new AbortController();
    const reason = fault('USAGE_INTERRUPTED', { signal: 'SIGINT' });
    const presenting = authenticator({
      present: async () => {
        stop.abort(reason);
        throw new Error('socket hang up');
      },
    }).present([task], stop.signal);
    await expect(presenting).rejects.toBe(reason);
  });
});

describe('a secret', () => {
  const raw = { key: 'hunter2' };
  const leaks = (error: unknown): string => {
    const { message, stack, hint, cause } = error as Error & { hint?: string };
    return [message, stack, hint, cause === undefined ? '' : leaks(cause)].join('\n');
  };

  const thrown: readonly [string, unknown][] = [
    ['a plain error', new Error('login with hunter2 failed', { cause: new Error('POST /?key=hunter2') })],
    ['an error of the contract', Object.assign(new Error('hunter2'), { code: 'PLUGIN_PRESENT_FAILED', hint: 'not hunter2?' })],
    ['an error of a port', fault('EXEC_FAILED', { command: 'curl hunter2', outcome: 'exit 1', stderrTail: 'hunter2' })],
    ['a text', 'hunter2'],
  ];
  for (const [title, error] of thrown) {
    test(`does not leave in ${title}`, async () => {
      const caught: unknown = await authenticator({ present: throwing(error) }, raw)
        .present([task], never)
        .catch((each: unknown) => each);
      expect(leaks(caught)).toContain('****');
      expect(leaks(caught)).not.toContain('hunter2');
    });
  }

  test('does not leave in the log, nor when the plugin cannot be created', () => {
    const warn = vi.fn();
    const definition = {
      kind: 'authenticator',
      name: 'demo',
      summary: 'x',
      options: { key: { type: 'text', text: 'x', secret: true } },
      create({ key }: { key: string }, { log }: PluginContext) {
        log.warn(`using ${key}`);
        throw new Error(`bad ${key}`);
      },
    } as unknown as AuthenticatorDefinition;
    expect(() => createAuthenticator(definition, raw, { ...context, log: { debug: warn, warn } })).toThrow(
      failure('PLUGIN_FAILED', 'demo failed during create: bad ****'),
    );
    expect(warn).toHaveBeenCalledWith('using ****');
  });
});

describe('what a plugin makes and returns', () => {
  const made: readonly [string, object, string][] = [
    ['lacks a method', { present: undefined }, 'no present function'],
    ['is unattended perhaps', { unattended: 'yes' }, '"unattended"'],
    ['has another concurrency', { concurrency: 'all' }, '"concurrency"'],
  ];
  for (const [title, change, because] of made) {
    test(`an authenticator that ${title} is a failure`, () => expect(() => authenticator(change)).toThrow(failure('PLUGIN_FAILED', because)));
  }

  test('is passed on untouched when it is right, and `this` is the plugin', async () => {
    expect(await installer({}).survey(never)).toBe(survey);
    class Counting {
      unattended = true;
      concurrency = 'any';
      count = 0;
      assess() {
        return { able: false, because: 'no' };
      }
      async present() {
        this.count += 1;
        return [{ count: this.count }];
      }
      async remove() {}
    }
    const definition = { kind: 'authenticator', name: 'demo', summary: 'x', options: {}, create: () => new Counting() } as unknown as AuthenticatorDefinition<
      OptionDeclarations,
      Authenticator
    >;
    expect(await createAuthenticator(definition, {}, context).present([task], never)).toEqual([{ count: 1 }]);
  });

  test('by assess and present is checked', async () => {
    for (const answer of [
      undefined,
      Promise.resolve({}),
      { able: true },
      { able: true, challenges: [] },
      { able: true, challenges: ['http-02'] },
      { able: true, challenges: ['http-01'], wants: 'a path' },
      { able: false },
    ]) {
      expect(() => authenticator({ assess: () => answer }).assess(identifier)).toThrow(failure('PLUGIN_FAILED', 'during assess'));
    }
    for (const answer of [undefined, [], [{}, {}], [{ deep: {} }], {}]) {
      await expect(authenticator({ present: async () => answer }).present([task], never)).rejects.toThrow(failure('PLUGIN_FAILED', 'during present'));
    }
  });

  test('by an installer that locates proofs is checked', () => {
    const known = { byName: true, atPort80: true };
    const locating = (place: unknown) => {
      const made = installer({ locates: 'proofs', locateProofs: () => place });
      return 'locates' in made ? made.locateProofs(identifier, survey) : expect.fail('it locates nothing');
    };
    const at = { root: '/srv', path: '' };
    for (const place of [undefined, { kind: 'none', because: 'x', ...known }, { kind: 'files', at, site: '/a:1', ...known }]) {
      expect(locating(place)).toBe(place);
    }
    for (const place of [
      {},
      { kind: 'none', ...known },
      { kind: 'files', at, site: '/a:1' },
      { kind: 'files', at: { root: 'srv', path: '.' }, site: '/a:1', ...known },
      { kind: 'files', at: { root: '/srv', path: 'a/../..' }, site: '/a:1', ...known },
    ]) {
      expect(() => locating(place)).toThrow(failure('PLUGIN_FAILED', 'where it has proofs is malformed'));
    }
    expect(() => installer({ locates: 'all' })).toThrow(failure('PLUGIN_FAILED', '"locates"'));
    expect(() => installer({ locates: 'proofs' })).toThrow(failure('PLUGIN_FAILED', 'locateProofs'));
  });

  const surveys: readonly [string, unknown, string][] = [
    ['nothing', undefined, 'its survey is malformed'],
    ['no server', { ...survey, server: undefined }, 'at server'],
    ['a server without a key', { ...survey, server: { ...survey.server, key: '' } }, 'at server.key'],
    ['files as text', { ...survey, files: [{ path: '/a', sha256, bytes: 'text' }] }, 'at files.0.bytes'],
    ['a relative file', { ...survey, files: [{ path: 'a.conf', sha256, bytes: new Uint8Array() }] }, 'at files.0.path'],
    ['a fault without a reason', { ...survey, faults: [{ file: '/a' }] }, 'at faults.0.because'],
  ];
  for (const [title, value, because] of surveys) {
    test(`a survey with ${title} is refused`, async () =>
      expect(installer({ survey: async () => value }).survey(never)).rejects.toThrow(failure('PLUGIN_BAD_PLAN', because)));
  }

  const splice = { file: '/etc/a.conf', sha256, offset: 4, delete: 6, insert: 'x', lineage: 'one' };
  const placed = { path: '/etc/x.pem', content: [{ pem: 'key' }], mode: 0o600, lineage: 'one' };

  test('a plan that fits its survey is passed on', () => {
    const plan = { ...empty, splices: [splice], files: [placed] };
    expect(installer({ plan: () => plan }).plan(request, survey)).toBe(plan);
  });

  const plans: readonly [string, unknown, string][] = [
    ['nothing', undefined, 'its plan is malformed'],
    ['a promise', Promise.resolve(empty), 'its plan is malformed'],
    ['a list missing', { ...empty, notes: undefined }, 'at notes'],
    ['a misspelt member', { ...empty, comands: [] }, 'at comands'],
    ['an offset below zero', { ...empty, splices: [{ ...splice, offset: -1 }] }, 'at splices.0.offset'],
    ['a splice beyond the end', { ...empty, splices: [{ ...splice, delete: 7 }] }, 'beyond its end'],
    ['a splice of a file it did not survey', { ...empty, splices: [{ ...splice, file: '/etc/passwd' }] }, 'did not survey'],
    ['a splice of other bytes', { ...empty, splices: [{ ...splice, sha256: 'b'.repeat(64) }] }, 'other bytes'],
    ['a file at a relative path', { ...empty, files: [{ ...placed, path: 'x.pem' }] }, 'at files.0.path'],
    ['a file at a path that goes up', { ...empty, files: [{ ...placed, path: '/etc/../x' }] }, '".."'],
    ['a file of a PEM that is none', { ...empty, files: [{ ...placed, content: [{ pem: 'cert' }] }] }, 'at files.0.content.0'],
    ['a mode as text', { ...empty, files: [{ ...placed, mode: '0600' }] }, 'at files.0.mode'],
    ['a command for a shell', { ...empty, commands: [{ run: 'reload', lineage: 'one' }] }, 'at commands.0.run'],
    ['something for another lineage', { ...empty, files: [{ ...placed, lineage: 'two' }] }, 'lineage two'],
  ];
  for (const [title, value, because] of plans) {
    test(`a plan with ${title} is refused`, () =>
      expect(() => installer({ plan: () => value }).plan(request, survey)).toThrow(failure('PLUGIN_BAD_PLAN', because)));
  }
});

test('a plugin sees the looking half of the file system, an authenticator what it proves with as well', () => {
  const seen: string[][] = [];
  const all = { ...disk, write: async () => {}, removeTree: async () => {} };
  const create = (_: unknown, { files, ...others }: PluginContext) => {
    seen.push([...Object.keys(files), ...Object.keys(others)].sort());
    return {};
  };
  const definition = (kind: string) => ({ kind, name: 'demo', summary: 'x', options: {}, create });
  expect(() => createInstaller(definition('installer') as unknown as InstallerDefinition, {}, { ...context, files: all })).toThrow();
  expect(() => createAuthenticator(definition('authenticator') as unknown as AuthenticatorDefinition, {}, { ...context, files: all })).toThrow();
  const looking = ['facts', 'list', 'log', 'programs', 'read', 'readLink', 'realPath'];
  expect(seen).toEqual([looking, [...looking, 'beneath', 'clock', 'dns', 'dnsProviders', 'http'].sort()]);
});
