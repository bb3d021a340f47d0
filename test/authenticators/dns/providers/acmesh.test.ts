import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dnsProviderCases } from 'certkit/kit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import acmesh from '../../../../authenticators/dns/providers/acmesh.ts';
import { layoutAcmeSh } from '../../../parts/acme-sh.ts';
import { type Bind, startBind } from '../../../parts/bind.ts';
import { type TempDir, tempDir } from '../../../parts/temp.ts';
import { pathOf, tool } from '../../../parts/tools.ts';
import { failureOf, make, never, pathWith, record } from './subject.ts';

const ZONE = 'example.test';
const NAME = `_acme-challenge.${ZONE}`;

/** acme.sh as a package puts it, in a place that others may not write to, wherever the project lies. */
const packaged = tempDir();
const program = join(packaged.path, 'acme.sh');
cpSync(dirname(pathOf(await tool('acme-sh'), 'acmesh')), packaged.path, { recursive: true });
afterAll(() => packaged.remove());

/** Keeps records in a file of its own home, and saves a credential as scripts of acme.sh do. */
const KEEPER = `#!/usr/bin/env sh
dns_keep_add() {
  KEEP_Token="\${KEEP_Token:-$(_readaccountconf_mutable KEEP_Token)}"
  [ "$KEEP_Token" ] || { _err "You did not specify KEEP_Token."; return 1; }
  _saveaccountconf_mutable KEEP_Token "$KEEP_Token"
  dns_keep_rm "$1" "$2" && echo "$1 $2" >>"$LE_WORKING_DIR/records"
}
dns_keep_rm() {
  touch "$LE_WORKING_DIR/records"
  grep -vxF -- "$1 $2" "$LE_WORKING_DIR/records" >"$LE_WORKING_DIR/others"
  mv "$LE_WORKING_DIR/others" "$LE_WORKING_DIR/records"
}
`;

let home: TempDir;
beforeEach(() => {
  home = tempDir();
});
afterEach(() => home.remove());

function addScript(name: string, text: string): void {
  mkdirSync(join(home.path, 'dnsapi'), { recursive: true });
  writeFileSync(join(home.path, 'dnsapi', `${name}.sh`), text);
}

const save = (variables: Readonly<Record<string, string>>) =>
  writeFileSync(
    join(home.path, 'account.conf'),
    Object.entries(variables)
      .map(([name, value]) => `SAVED_${name}='${value}'\n`)
      .join(''),
    { mode: 0o600 },
  );

function environment(text: string): string {
  const path = join(home.path, 'environment');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const provider = (script: string, options: Record<string, unknown> = {}, path = process.env.PATH) =>
  make(acmesh, { script, home: home.path, program, ...options }, path);

describe('acmesh', () => {
  for (const { title, run } of dnsProviderCases) {
    test(title, async () => {
      addScript('dns_keep', KEEPER);
      save({ KEEP_Token: 'saved-earlier' });
      const subject = { provider: provider('dns_keep'), later: provider('dns_keep'), zone: ZONE, names: [NAME, `_acme-challenge.www.${ZONE}`] as const };
      const place = (one: Parameters<typeof subject.provider.append>[1][number]) => subject.provider.append(ZONE, [one], never);
      await run({ ...subject, takes: 'any-text', removes: true, place, observe: async (name) => recordsAt(name) });
    });
  }

  test('takes what a script asks for from a file, and lets acme.sh save it', async () => {
    addScript('dns_keep', KEEPER);
    await provider('dns_keep', { 'environment-file': environment('KEEP_Token=s3cret-token') }).append(ZONE, [record(NAME, 'one')], never);
    expect(recordsAt(NAME)).toEqual(['one']);
    expect(readFileSync(join(home.path, 'account.conf'), 'utf8')).toContain("SAVED_KEEP_Token='s3cret-token'");
    await provider('dns_keep').append(ZONE, [record(NAME, 'two')], never);
    expect(recordsAt(NAME)).toEqual(['one', 'two']);
  });

  test('runs one script at a time, also of several providers', async () => {
    const log = join(home.path, 'turns');
    addScript('dns_slow', `dns_slow_add() { echo in >>${log}; sleep 0.2; echo out >>${log}; }`);
    const work = ['a', 'b', 'c'].map((zone) => provider('dns_slow').append(`${zone}.test`, [record(`_acme-challenge.${zone}.test`, 'v')], never));
    await Promise.all(work);
    expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(3));
  });

  test('keeps what it runs from our environment', async () => {
    process.env.KEEP_Token = 'of ours';
    try {
      addScript('dns_tell', `dns_tell_add() { env >"$LE_WORKING_DIR/env"; }`);
      await provider('dns_tell').append(ZONE, [record(NAME, 'v')], never);
    } finally {
      delete process.env.KEEP_Token;
    }
    expect(readFileSync(join(home.path, 'env'), 'utf8')).not.toContain('of ours');
  });

  test('runs in the shell that the first line of acme.sh names, as its own installer writes it', async () => {
    const text = readFileSync(program, 'utf8').replace(/^#!.*/, '#!/usr/bin/bash');
    writeFileSync(join(home.path, 'acme.sh'), text, { mode: 0o755 });
    addScript('dns_tell', `dns_tell_add() { [[ -n $BASH_VERSION ]] && echo "$1 $2" >"$LE_WORKING_DIR/records"; }`);
    await provider('dns_tell', { program: undefined }).append(ZONE, [record(NAME, 'by bash')], never);
    expect(recordsAt(NAME)).toEqual(['by bash']);
  });

  test('takes no part of a value for a command', async () => {
    addScript('dns_keep', KEEPER);
    save({ KEEP_Token: 'x' });
    const value = `$(touch ${home.path}/owned) \`touch ${home.path}/owned\` "; touch ${home.path}/owned; "`;
    await provider('dns_keep').append(ZONE, [record(NAME, value)], never);
    expect(recordsAt(NAME)).toEqual([value]);
    expect(existsSync(join(home.path, 'owned'))).toBe(false);
  });
});

describe("acmesh with acme.sh's own dns_nsupdate and BIND", () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: [{ name: ZONE }] });
  });
  afterAll(() => bind.stop());

  test.each(['package', 'home'] as const)('appends and removes with what acme.sh has saved, installed as %s', async (installed) => {
    const acmeSh = await layoutAcmeSh({ bind, installed, zone: ZONE });
    const options = { script: 'dns_nsupdate', home: acmeSh.home, ...(installed === 'home' ? {} : { program }) };
    const nsupdate = make(acmesh, options, acmeSh.path);
    const records = [record(NAME, 'apex'), record(NAME, 'wildcard')];
    await nsupdate.append(ZONE, records, never);
    expect(await bind.txt(NAME)).toEqual(['apex', 'wildcard']);
    await nsupdate.remove(ZONE, records, never);
    expect(await bind.txt(NAME)).toEqual([]);
    acmeSh.stop();
  });

  test('tells what the script said when the server refuses', async () => {
    save({ NSUPDATE_SERVER: bind.address, NSUPDATE_SERVER_PORT: String(bind.port), NSUPDATE_ZONE: ZONE });
    const failure = await failureOf(provider('dns_nsupdate', {}, pathWith(bind.programs.bin)).append(ZONE, [record(NAME, 'v')], never));
    expect(failure).toMatchObject({
      code: 'PLUGIN_DNS_FAILED',
      message: expect.stringMatching(/dns_nsupdate_add failed for .*REFUSED[\s\S]*error updating domain/),
    });
    expect(failure.hint).toContain(`${home.path}/account.conf`);
  });
});

describe('acmesh explains', () => {
  test('a script that fails, without the secrets it repeats', async () => {
    addScript('dns_fail', `dns_fail_add() { _err "the API answered: bad token $FAIL_Token, $(_readaccountconf_mutable FAIL_Secret)"; return 1; }`);
    save({ FAIL_Secret: `__ACME_BASE64__START_${Buffer.from('saved s3cret').toString('base64')}__ACME_BASE64__END_` });
    const { message } = await failureOf(provider('dns_fail', { 'environment-file': environment('FAIL_Token=t0ken') }).append(ZONE, [record(NAME, 'v')], never));
    expect(message).toBe(`acmesh could not change the records of ${ZONE}: dns_fail_add failed for ${NAME}: the API answered: bad token ****, ****`);
  });

  test('credentials that were never given', async () => {
    addScript('dns_keep', KEEPER);
    const { message, hint } = await failureOf(provider('dns_keep').append(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain('You did not specify KEEP_Token.');
    expect(hint).toContain('"environment-file"');
  });

  test('a script that acme.sh does not have, with those of near names', async () => {
    const { code, message, hint } = await failureOf(provider('dns_cloudflare').append(ZONE, [record(NAME, 'v')], never));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain(`no dns_cloudflare.sh in ${join(dirname(program), 'dnsapi')} or ${home.path}/dnsapi`);
    expect(hint).toMatch(/dns_cloudns/);
  });

  test('a script that cannot remove', async () => {
    addScript('dns_addonly', 'dns_addonly_add() { :; }');
    const { message, hint } = await failureOf(provider('dns_addonly').remove(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain('has no function dns_addonly_rm');
    expect(hint).toContain(`take ${NAME} away by hand`);
  });

  test('that acme.sh is not there, and where it was looked for', async () => {
    const failure = await failureOf(provider('dns_cf', { program: undefined, home: '/nonexistent' }).append(ZONE, [record(NAME, 'v')], never));
    expect(failure.message).toContain('looked for /nonexistent/acme.sh, /usr/share/acme.sh/acme.sh');
  });

  test('a program that only starts acme.sh', async () => {
    const wrapper = join(home.path, 'acme.sh');
    writeFileSync(wrapper, `#!/bin/sh\nexec ${program} "$@"\n`);
    chmodSync(wrapper, 0o755);
    const { message } = await failureOf(provider('dns_cf', { program: wrapper }).append(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain(`${wrapper} is not acme.sh itself`);
  });

  test('a home that others may write to, since acme.sh would run what they write', async () => {
    addScript('dns_keep', KEEPER);
    chmodSync(home.path, 0o777);
    const { code, message } = await failureOf(provider('dns_keep').append(ZONE, [record(NAME, 'v')], never));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain(`"home" of acmesh: others may write to ${home.path}`);
  });

  test.each([
    ['the account', () => join(home.path, 'account.conf')],
    ['the script', () => join(home.path, 'dnsapi/dns_keep.sh')],
  ] as const)('%s that others may write to, since acme.sh reads it as a shell', async (_title, path) => {
    addScript('dns_keep', KEEPER);
    save({ KEEP_Token: 't' });
    chmodSync(path(), 0o1666);
    const { code, message } = await failureOf(provider('dns_keep').append(ZONE, [record(NAME, 'v')], never));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain(`others may write to ${path()}`);
    expect(recordsAt(NAME)).toEqual([]);
  });

  test.each(['dns_cf; reboot', '../dns_cf', 'cf', 'dns_cf.sh'])('the script name %s', async (script) => {
    const { code } = await failureOf(() => provider(script));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
  });
});

function recordsAt(name: string): string[] {
  const path = join(home.path, 'records');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
}
