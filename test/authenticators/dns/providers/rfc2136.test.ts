import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsProviderCases } from 'certkit/kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import rfc2136 from '../../../../authenticators/dns/providers/rfc2136.ts';
import { type Bind, startBind } from '../../../parts/bind.ts';
import { type TempDir, tempDir } from '../../../parts/temp.ts';
import { failureOf, make, never, pathWith, record } from './subject.ts';

const ZONE = 'example.test';

let bind: Bind;
let dir: TempDir;
beforeAll(async () => {
  dir = tempDir();
  bind = await startBind({
    zones: [{ name: ZONE }, { name: 'other.test', ownKey: true }, { name: 'below.example.test' }],
    ipv6: true,
    algorithm: 'hmac-sha512',
  });
});
afterAll(async () => {
  await bind.stop();
  dir.remove();
});

const key = () => ({ 'key-name': bind.key.name, algorithm: bind.key.algorithm, secret: bind.key.secret });
const home = () => ({ server: bind.address, port: bind.port, ...key() });
const provider = (options: Record<string, unknown> = {}) => make(rfc2136, { ...home(), ...options }, pathWith(bind.programs.bin));

let names = 0;
const freshName = () => `_acme-challenge.n${names++}.${ZONE}`;

describe('rfc2136', () => {
  for (const { title, run } of dnsProviderCases) {
    test(title, async () => {
      const subject = { provider: provider(), later: provider(), zone: ZONE, names: [freshName(), freshName()] as const };
      await run({ ...subject, takes: 'any-text', removes: true, place: (one) => provider().append(ZONE, [one], never), observe: (name) => bind.txt(name) });
    });
  }

  test('takes a key file, and an IPv6 address', async () => {
    const name = freshName();
    const options = { server: '::1', port: bind.ipv6?.port, 'key-file': bind.keyFile };
    await make(rfc2136, options, pathWith(bind.programs.bin)).append(ZONE, [record(name, 'by file')], never);
    expect(await bind.txt(name)).toEqual(['by file']);
  });

  test('uses TCP when it is told to', async () => {
    const name = freshName();
    await provider({ protocol: 'tcp' }).append(ZONE, [record(name, 'by TCP')], never);
    expect(await bind.txt(name)).toEqual(['by TCP']);
  });

  test('makes one update of all records of a call', async () => {
    const before = await bind.serial(ZONE);
    const records = Array.from({ length: 100 }, (_, index) => record(`_acme-challenge.many${index}.${ZONE}`, `value ${index}`));
    await provider().append(ZONE, records, never);
    expect(await bind.serial(ZONE)).toBe(before + 1);
    await provider().remove(ZONE, records, never);
    expect(await bind.serial(ZONE)).toBe(before + 2);
  });

  test('makes several updates of more records than a message holds', async () => {
    const records = Array.from({ length: 1000 }, (_, index) => record(`_acme-challenge.n${index}.many.${ZONE}`, 'x'.repeat(43)));
    await provider().append(ZONE, records, never);
    expect(await bind.txt(`_acme-challenge.n999.many.${ZONE}`)).toEqual(['x'.repeat(43)]);
    await provider().remove(ZONE, records, never);
    expect(await bind.txt(`_acme-challenge.n0.many.${ZONE}`)).toEqual([]);
  });

  test('publishes quotes, backslashes and semicolons as they are', async () => {
    const name = freshName();
    const value = 'say "a;b" \\ $x `y` (z)';
    await provider().append(ZONE, [record(name, value)], never);
    expect(await bind.txt(name)).toEqual([value]);
    await provider().remove(ZONE, [record(name, value)], never);
    expect(await bind.txt(name)).toEqual([]);
  });

  test('passes the secret in no argument', async () => {
    const bin = join(dir.path, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'nsupdate'), `#!/bin/sh\nprintf '%s ' "$0" "$@" >${dir.path}/arguments\ncat >${dir.path}/input\n`, { mode: 0o755 });
    await make(rfc2136, home(), pathWith(bin)).append(ZONE, [record(freshName(), 'x')], never);
    expect(readFileSync(join(dir.path, 'input'), 'utf8')).toContain(bind.key.secret);
    expect(readFileSync(join(dir.path, 'arguments'), 'utf8')).not.toContain(bind.key.secret);
  });
});

describe('rfc2136 explains', () => {
  const refused: readonly [string, () => Record<string, unknown>, string, RegExp, RegExp][] = [
    ['a key that the server does not know', () => ({ 'key-name': 'stranger' }), ZONE, /does not know the key stranger .*BADKEY/, /configuration/],
    ['another algorithm', () => ({ algorithm: 'hmac-sha256' }), ZONE, /BADKEY/, /algorithm/],
    ['a wrong secret', () => ({ secret: Buffer.alloc(64, 7).toString('base64') }), ZONE, /another secret for the key certkit \(BADSIG\)/, /Copy the secret/],
    ['a key without the right', () => ({}), 'other.test', /does not let the key certkit change .*REFUSED/, /grant certkit zonesub TXT/],
    ['a server that has not this zone', () => ({}), 'nowhere.test', /is not the primary server of nowhere\.test \(NOTAUTH\)/, /dig SOA nowhere\.test/],
    ['a server that does not answer', () => ({ port: 1 }), ZONE, /nobody answers at port 1 of 127\./, /"server" and "port"/],
    ['a server without an address', () => ({ server: 'nowhere.invalid' }), ZONE, /the name nowhere\.invalid has no address/, /IP address/],
  ];
  test.each(refused)('%s', async (_, options, zone, message, hint) => {
    const failure = await failureOf(provider(options()).append(zone, [record(`_acme-challenge.${zone}`, 'x')], never));
    expect(failure).toEqual({ code: 'PLUGIN_DNS_FAILED', message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect(await bind.txt(`_acme-challenge.${zone}`)).toEqual([]);
  });

  test('an update without a key', async () => {
    const open = make(rfc2136, { server: bind.address, port: bind.port }, pathWith(bind.programs.bin));
    const { message } = await failureOf(open.append(ZONE, [record(freshName(), 'x')], never));
    expect(message).toMatch(/does not let an update without a key change .*REFUSED/);
  });

  test('a name that is not in the zone', async () => {
    const { message } = await failureOf(provider().append(ZONE, [record('a.elsewhere.test', 'x')], never));
    expect(message).toMatch(/not in the zone example.test .*NOTZONE/);
  });

  test('that nsupdate is missing, with the packages that have it', async () => {
    const { message, hint } = await failureOf(make(rfc2136, home(), dir.path).append(ZONE, [record(freshName(), 'x')], never));
    expect(message).toContain('nsupdate is not there');
    expect(hint).toMatch(/bind9-dnsutils.*bind-utils/);
  });

  const unusable: readonly [string, Record<string, unknown>, string, RegExp][] = [
    ['a server with a port in it', { server: '127.0.0.1:53' }, 'server', /neither an IP address nor a host name/],
    ['a server with a line of its own', { server: 'a\nsend' }, 'server', /./],
    ['a key name with a space', { 'key-name': 'a b' }, 'key-name', /not the name of a key/],
    ['an algorithm of nobody', { algorithm: 'hmac-md4' }, 'algorithm', /none of hmac-sha256/],
    ['a secret that is no base64', { secret: 'pass word' }, 'secret', /not base64/],
    ['a key without a secret', { secret: undefined }, 'secret', /both a name and a secret/],
    ['a secret without a key', { 'key-name': undefined }, 'key-name', /both a name and a secret/],
    ['a key file beside a key', { 'key-file': '/etc/key' }, 'key-file', /beside key-name or secret/],
    ['another protocol', { protocol: 'quic' }, 'protocol', /neither udp nor tcp/],
  ];
  test.each(unusable)('%s', async (_, options, option, because) => {
    const { code, message, hint } = await failureOf(() => provider(options));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain(`"${option}"`);
    expect(message).toMatch(because);
    expect(message + hint).not.toContain('pass word');
  });

  const keyFiles: readonly [string, string, number, RegExp][] = [
    ['that others can read', 'key "k" { algorithm hmac-sha256; secret "c2VjcmV0"; };', 0o640, /open to others \(mode 0640\)/],
    ['without a key', '# nothing', 0o600, /has no key/],
    ['with two keys', 'key a { algorithm hmac-sha256; secret "c2VjcmV0"; };\nkey b { algorithm hmac-sha256; secret "c2VjcmV0"; };', 0o600, /more than one key/],
    ['without a secret', 'key a { algorithm hmac-sha256; };', 0o600, /secret cannot be used/],
  ];
  test.each(keyFiles)('a key file %s', async (_, content, mode, because) => {
    const path = join(dir.path, `key-${mode}-${content.length}`);
    writeFileSync(path, content, { mode });
    const failure = await failureOf(make(rfc2136, { server: '127.0.0.1', 'key-file': path }).append(ZONE, [record(freshName(), 'x')], never));
    expect(failure.code).toBe('PLUGIN_OPTION_INVALID');
    expect(failure.message).toMatch(because);
    expect(failure.message).not.toContain('c2VjcmV0');
  });

  test('a name that could be more than a name, before anything is sent', async () => {
    const before = await bind.serial(ZONE);
    const { message } = await failureOf(provider().append(ZONE, [record(`a.${ZONE}. 60 TXT x\nsend\n`, 'x')], never));
    expect(message).toContain('has characters that it does not take');
    expect(await bind.serial(ZONE)).toBe(before);
  });
});
