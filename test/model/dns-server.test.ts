import { Resolver } from 'node:dns';
import { expect, test } from 'vitest';
import { parseDnsServer } from '../../core/model/dns-server.ts';

const good = ['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353', '[2001:DB8::53]:65535', '::1'];
for (const written of good) {
  test(`the address of a DNS server: ${written}`, () => {
    expect(parseDnsServer(written)).toEqual({ ok: true, value: written.toLowerCase() });
    expect(() => new Resolver().setServers([written.toLowerCase()])).not.toThrow();
  });
}

const bad = [
  '',
  'ns1.example.com',
  '192.0.2.53:',
  '192.0.2.53:0',
  '192.0.2.53:65536',
  '192.0.2.256',
  '2001:db8::53:x',
  '[192.0.2.53]:53',
  '[2001:db8::53',
  'udp://192.0.2.53',
];
for (const written of bad) {
  test(`no address of a DNS server: "${written}"`, () => {
    expect(parseDnsServer(written)).toMatchObject({ ok: false, because: expect.stringContaining('write it as 192.0.2.53') });
  });
}
