import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticatorCases } from 'certkit/kit';
import type { AuthenticatorContext, ChallengeTask, DnsTask, ForeseeingAuthenticator, HttpTask } from 'certkit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import manual from '../../authenticators/manual/manual.ts';
import { createExecutor } from '../../core/edges/exec.ts';
import { createAuthenticator } from '../../plugins/guard.ts';
import { authenticatorContext } from '../plugins/authenticator-context.ts';
import { disk } from '../plugins/disk.ts';
import { expected, taskFor } from './http-subject.ts';

const never = new AbortController().signal;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certkit-manual-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What an administrator has for certbot: the file of the challenge, and a note of what the hook was told. */
async function certbotHooks(): Promise<{ readonly 'auth-hook': string; readonly 'cleanup-hook': string }> {
  const note = `env | grep '^CERT' | sort > ${folder}/told.$(basename "$0").$CERTBOT_TOKEN`;
  await script('authenticator.sh', `${note}\necho "$CERTBOT_VALIDATION" > ${folder}/$CERTBOT_TOKEN\necho "made $CERTBOT_TOKEN"\n`);
  await script('cleanup.sh', `${note}\nrm -f ${folder}/$CERTBOT_TOKEN\n`);
  return { 'auth-hook': join(folder, 'authenticator.sh'), 'cleanup-hook': join(folder, 'cleanup.sh') };
}

async function script(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${text}`);
  await chmod(join(folder, name), 0o755);
}

const made = async ({ token }: HttpTask) => (await readFile(join(folder, token), 'utf8').catch(() => undefined))?.trim();
const told = async (hook: string, token: string) =>
  Object.fromEntries(
    (await readFile(join(folder, `told.${hook}.${token}`), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s)),
  );

function make(options: Readonly<Record<string, unknown>>, given: Partial<AuthenticatorContext> = {}) {
  const programs = createExecutor({ path: process.env.PATH ?? '' });
  return createAuthenticator(manual as never, options, authenticatorContext({ files: disk, programs, log: { debug() {}, warn() {} }, ...given }));
}

describe('with hooks written for certbot', () => {
  for (const { title, run } of authenticatorCases) {
    test(title, async () => {
      const hooks = await certbotHooks();
      const tasks = [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')] as const;
      await run({ authenticator: make(hooks), later: make(hooks), proofsOutliveProcess: true, tasks, expected, observe: made });
    });
  }

  test('they are told what certbot tells them', async () => {
    const authenticator = make(await certbotHooks());
    expect(authenticator.unattended).toBe(true);
    const task = (name: string, token: string): HttpTask => ({ ...taskFor(name, token), lineage: 'site' });
    const tasks = [task('a.example.com', 'token-a'), { ...taskFor('c.example.net', 'token-c'), lineage: 'other' }, task('b.example.com', 'token-b')];
    const receipts = await authenticator.present(tasks, never);
    const common = { CERTBOT_DOMAIN: 'a.example.com', CERTBOT_TOKEN: 'token-a', CERTBOT_VALIDATION: 'token-a.thumbprint' };
    const ofSite = { CERTBOT_ALL_DOMAINS: 'a.example.com,b.example.com', CERTBOT_REMAINING_CHALLENGES: '1' };
    expect(await told('authenticator.sh', 'token-a')).toEqual({ ...common, ...ofSite });
    expect(await told('authenticator.sh', 'token-b')).toMatchObject({ CERTBOT_REMAINING_CHALLENGES: '0' });
    expect(await told('authenticator.sh', 'token-c')).toMatchObject({ CERTBOT_ALL_DOMAINS: 'c.example.net', CERTBOT_REMAINING_CHALLENGES: '0' });

    await authenticator.remove(tasks[0] as HttpTask, receipts[0] as never);
    expect(await told('cleanup.sh', 'token-a')).toEqual({ ...common, ...ofSite, CERTBOT_AUTH_OUTPUT: 'made token-a' });
  });

  test('a wildcard is told by its name and the value of its record', async () => {
    await script('dns.sh', `env | grep '^CERT' | sort > ${folder}/told.dns.sh.\n`);
    const task: DnsTask = {
      type: 'dns-01',
      lineage: 'w',
      identifier: { kind: 'dns', value: '*.example.com', wildcard: true },
      token: 't',
      keyAuthorization: 't.thumbprint',
    };
    await make({ 'auth-hook': join(folder, 'dns.sh'), check: false }).present([task], never);
    expect(await told('dns.sh', '')).toEqual({
      CERTBOT_ALL_DOMAINS: 'example.com',
      CERTBOT_DOMAIN: 'example.com',
      CERTBOT_REMAINING_CHALLENGES: '0',
      CERTBOT_VALIDATION: 'kZpPaU8v0lVY6egO09MvKhLSo0EExoWOkuaRCkojLJw',
      CERTKIT_RECORD: '_acme-challenge.example.com',
    });
  });

  test('one that fails is the failure of its task alone, with its words', async () => {
    await script('picky.sh', `[ "$CERTBOT_DOMAIN" = a.example.com ] && { echo "no zone for it" >&2; exit 3; }\nexit 0\n`);
    const [a, b] = await make({ 'auth-hook': join(folder, 'picky.sh') }).present(
      [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')],
      never,
    );
    expect(a).toMatchObject({ code: 'EXEC_FAILED', message: expect.stringContaining('no zone for it') });
    expect(b).toMatchObject({ output: '' });
  });

  test('what is not to be seen afterwards fails before the CA is told; what cannot be looked for does not', async () => {
    const warnings: string[] = [];
    const http: AuthenticatorContext['http'] = {
      look: async ({ identifier }) =>
        identifier.value === 'a.example.com' ? { kind: 'wrong', because: 'a 404 came', hint: '' } : { kind: 'unseen', because: 'nobody answered' },
    };
    const authenticator = make(await certbotHooks(), { http, log: { debug() {}, warn: (line) => warnings.push(line) } });
    const [a, b] = await authenticator.present([taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')], never);
    expect(a).toMatchObject({ code: 'PLUGIN_PRESENT_FAILED', message: expect.stringContaining('a.example.com: the hook ended well, and a 404 came') });
    expect(b).toMatchObject({ remaining: 0 });
    expect(warnings).toEqual([expect.stringContaining('b.example.com could not be looked for: nobody answered')]);
    expect((await readdir(folder)).includes('token-a')).toBe(true); // core has it removed
  });

  test('one that is not there is told before anything is asked', async () => {
    const authenticator = make({ 'auth-hook': `${folder}/missing.sh --quick` });
    await expect((authenticator as ForeseeingAuthenticator).foresee([], never)).rejects.toMatchObject({
      code: 'PLUGIN_OPTION_INVALID',
      message: expect.stringContaining(`${folder}/missing.sh is not there`),
    });
  });
});

describe('by hand', () => {
  const tasks = [taskFor('a.example.com', 'token-a'), taskFor('b.example.com', 'token-b')];

  /** A person who answers with the next of these, and what they were shown. */
  function personWith(answers: readonly (string | undefined)[]) {
    const rest = [...answers];
    const shown: string[] = [];
    const show = (text: string) => void shown.push(text);
    return {
      shown,
      person: {
        show,
        async ask(question: string) {
          show(question);
          return rest.shift();
        },
      },
    };
  }

  test('shows exactly what to create, looks, and asks again for what is missing', async () => {
    let looks = 0;
    const seen: string[] = [];
    const http: AuthenticatorContext['http'] = {
      async look({ identifier: { value } }) {
        seen.push(value);
        looks += 1;
        return value === 'b.example.com' && looks < 3 ? { kind: 'wrong', because: 'a 404 came', hint: '' } : { kind: 'right' };
      },
    };
    const { shown, person } = personWith(['', '']);
    const authenticator = make({}, { http, person });
    expect(authenticator.unattended).toBe(false);
    expect(await authenticator.present(tasks, never)).toEqual([{}, {}]);
    expect(shown[0]).toContain('http://a.example.com/.well-known/acme-challenge/token-a\n    token-a.thumbprint\n');
    expect(shown[0]).toContain('http://b.example.com/.well-known/acme-challenge/token-b\n    token-b.thumbprint\n');
    expect(seen).toEqual(['a.example.com', 'b.example.com', 'b.example.com']);
    expect(shown).toContain('b.example.com: not seen: a 404 came');
  });

  test('what is pasted makes the file', async () => {
    const { shown, person } = personWith(['']);
    await make({}, { person }).present([tasks[0] as ChallengeTask], never);
    const line = /^ {4}(mkdir .*)$/m.exec(shown[0] ?? '')?.[1] ?? '';
    await createExecutor({ path: process.env.PATH ?? '' }).run('sh', ['-c', line], { cwd: folder });
    expect(await readFile(join(folder, '.well-known/acme-challenge/token-a'), 'utf8')).toBe('token-a.thumbprint');
  });

  for (const [title, answer] of [
    ['give up', 'q'],
    ['be gone', undefined],
  ] as const) {
    test(`to ${title} fails without the CA having been asked`, async () => {
      const { person } = personWith([answer]);
      await expect(make({}, { person }).present(tasks, never)).rejects.toMatchObject({
        code: 'PLUGIN_PRESENT_FAILED',
        hint: expect.stringContaining('The CA was not asked'),
      });
    });
  }

  test('a person who knows better has the CA look', async () => {
    const http: AuthenticatorContext['http'] = { look: async () => ({ kind: 'unseen', because: 'nobody answered' }) };
    const { person } = personWith(['', 'go']);
    expect(await make({}, { http, person }).present(tasks, never)).toEqual([{}, {}]);
  });
});

const refused: readonly [string, Readonly<Record<string, unknown>>, RegExp][] = [
  ['a challenge that is none', { challenge: 'http-02' }, /none of http-01, dns-01/],
  ['a hook that cleans up alone', { 'cleanup-hook': '/bin/true' }, /no auth-hook/],
  ['a hook that may take no time', { 'auth-hook': '/bin/true', 'hook-timeout': 0 }, /less than a second/],
];
for (const [title, options, words] of refused) test(`refuses ${title}`, () => expect(() => make(options)).toThrow(words));

const assessed: readonly [string, Readonly<Record<string, unknown>>, string, unknown][] = [
  ['a name', {}, 'example.com', ['http-01']],
  ['a wildcard', {}, '*.example.com', ['dns-01']],
  ['a wildcard over HTTP', { challenge: 'http-01' }, '*.example.com', undefined],
  ['a name by a record that stays', { challenge: 'dns-persist-01' }, 'example.com', ['dns-persist-01']],
];
for (const [title, options, value, challenges] of assessed) {
  test(`assesses ${title}`, () => {
    const assessment = make(options).assess({ kind: 'dns', value, wildcard: value.startsWith('*.') });
    expect(assessment.able ? assessment.challenges : undefined).toEqual(challenges);
  });
}
