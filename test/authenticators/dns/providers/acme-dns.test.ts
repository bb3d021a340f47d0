import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsProviderCases } from 'certkit/kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import acmeDns from '../../../../authenticators/dns/providers/acme-dns.ts';
import { type TempDir, tempDir } from '../../../parts/temp.ts';
import { type AcmeDnsServer, type Registration, startAcmeDns } from './acme-dns-server.ts';
import { failureOf, make, never, record } from './subject.ts';

const ZONE = 'auth.example.test';
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(43)) as [string, string, string];

let server: AcmeDnsServer;
let dir: TempDir;
beforeEach(async () => {
  server = await startAcmeDns(ZONE);
  dir = tempDir();
});
afterEach(async () => {
  await server.stop();
  dir.remove();
});

const of = ({ username, password, subdomain, fulldomain }: Registration) =>
  make(acmeDns, { server: server.address, username, password, subdomain, fulldomain });

function ofFile(content: unknown, mode = 0o600) {
  const accounts = join(dir.path, 'accounts.json');
  writeFileSync(accounts, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  return make(acmeDns, { server: server.address, accounts });
}

describe('acme-dns', () => {
  for (const { title, run } of dnsProviderCases) {
    test(title, async () => {
      const registrations = [server.register(), server.register()] as const;
      await run({
        provider: ofFile(registrations),
        later: ofFile(registrations),
        zone: ZONE,
        names: [registrations[0].fulldomain, registrations[1].fulldomain],
        takes: 'digests',
        removes: false,
        place: (one) => ofFile(registrations).append(ZONE, [one], never),
        observe: async (name) => server.txt(name),
      });
    });
  }

  test('sets a value with the headers of its account', async () => {
    const registration = server.register();
    await of(registration).append(ZONE, [record(registration.fulldomain, A)], never);
    expect(server.asked).toMatchObject([
      {
        method: 'POST',
        headers: { 'x-api-user': registration.username, 'x-api-key': registration.password },
        body: { subdomain: registration.subdomain, txt: A },
      },
    ]);
  });

  test('does not push out a value that is in use by setting the other one again', async () => {
    const registration = server.register();
    const provider = of(registration);
    await provider.append(ZONE, [record(registration.fulldomain, A), record(registration.fulldomain, B)], never);
    await provider.append(ZONE, [record(registration.fulldomain, B)], never);
    expect(server.txt(registration.fulldomain)).toEqual([A, B]);
  });

  test('takes new values once the old ones were given back', async () => {
    const registration = server.register();
    const provider = of(registration);
    const records = [record(registration.fulldomain, A), record(registration.fulldomain, B)];
    await provider.append(ZONE, records, never);
    await provider.remove(ZONE, records, never);
    await provider.append(ZONE, [record(registration.fulldomain, C)], never);
    expect(server.txt(registration.fulldomain)).toContain(C);
  });

  test.each([
    ['an answer of /register as it is', (one: Registration) => one],
    ['what other clients store, by domain', (one: Registration) => ({ 'example.test': { ...one, server_url: 'https://auth.example.test' } })],
  ])('reads %s', async (_, content) => {
    const registration = server.register();
    await ofFile(content(registration)).append(ZONE, [record(registration.fulldomain, A)], never);
    expect(server.txt(registration.fulldomain)).toEqual([A]);
  });
});

describe('acme-dns explains', () => {
  test('more than two values at a name, before any is set', async () => {
    const registration = server.register();
    const records = [A, B, C].map((value) => record(registration.fulldomain, value));
    const { code, message, hint } = await failureOf(of(registration).append(ZONE, records, never));
    expect(code).toBe('PLUGIN_DNS_FAILED');
    expect(message).toContain(`3 values are wanted at ${registration.fulldomain} at a time, and it keeps 2`);
    expect(hint).toContain('one account for each');
    expect(server.asked).toEqual([]);
  });

  test('a name that the CNAME does not lead to', async () => {
    const registration = server.register();
    const { message, hint } = await failureOf(of(registration).append(ZONE, [record(`other.${ZONE}`, A)], never));
    expect(message).toContain(`other.${ZONE} is the name of no account`);
    expect(hint).toContain(`a CNAME to ${registration.fulldomain}`);
  });

  test('credentials that are not accepted, without the password', async () => {
    const registration = { ...server.register(), password: 'wr0ng'.repeat(8) };
    const failure = await failureOf(of(registration).append(ZONE, [record(registration.fulldomain, A)], never));
    expect(failure.message).toMatch(/answered 401: forbidden$/);
    expect(failure.hint).toContain('allowfrom');
    expect(JSON.stringify(failure)).not.toContain('wr0ng');
  });

  const options = { server: 'https://auth.example.test', subdomain: 's', username: 'u', password: 'p4ssword' };
  const unusable: readonly [string, Record<string, unknown>, RegExp][] = [
    ['a server without TLS', { server: 'http://auth.example.test' }, /"server".*without TLS/],
    ['an account without a password', { password: undefined }, /"password".*needed/],
    ['a file beside an account', { accounts: '/etc/accounts.json' }, /"subdomain".*beside "accounts"/],
    ['a subdomain that is none', { subdomain: 'a.b' }, /"subdomain".*one label/],
  ];
  test.each(unusable)('%s', async (_, changes, because) => {
    const { code, message } = await failureOf(() => make(acmeDns, { ...options, ...changes }));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toMatch(because);
  });

  const files: readonly [string, unknown, number, RegExp][] = [
    ['that others can read', [], 0o644, /open to others/],
    ['that is not JSON', 'username: u', 0o600, /is not JSON/],
    ['without an account', [], 0o600, /has no account/],
    ['with half an account', [{ subdomain: 's', username: 'u' }], 0o600, /number 1\) whose password cannot be used/],
  ];
  test.each(files)('a file %s', async (_, content, mode, because) => {
    const { code, message } = await failureOf(ofFile(content, mode).append(ZONE, [record(`s.${ZONE}`, A)], never));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toMatch(because);
  });
});
