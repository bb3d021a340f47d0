import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { readIssued } from '../../core/acme/chain.ts';
import type { Identifier } from '../../core/model/identifier.ts';
import { mint } from './minted.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const years = { notBeforeMs: NOW_MS - 365 * DAY_MS, notAfterMs: NOW_MS + 365 * DAY_MS };
const life = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + 89 * DAY_MS };
const dns = (value: string): Identifier => ({ kind: 'dns', value, wildcard: value.startsWith('*.') });
const ip = (value: string): Identifier => ({ kind: 'ip', value, wildcard: false });

const root = mint({ name: 'root', ca: true, ...years });
const between = mint({ name: 'between', issuer: root, ca: true, ...years });
const forged = mint({ name: 'between', ca: true, ...years });
const site = { name: 'site', issuer: between, dns: ['example.com', '*.example.com'], ip: ['192.0.2.1', '2001:db8::1'], ...life };
const leaf = mint(site);
const again = (change: Partial<typeof site>) => mint({ ...site, keyPem: leaf.keyPem, ...change }).pem;
const identifiers = [dns('example.com'), dns('*.example.com'), ip('192.0.2.1'), ip('2001:db8::1')];
const judge = (
  chainPem: string,
  change: { readonly identifiers?: readonly Identifier[]; readonly keyPem?: string; readonly nowMs?: number; readonly startMs?: number } = {},
) => readIssued({ chainPem, keyPem: leaf.keyPem, identifiers, nowMs: NOW_MS, ...change });

test('a good chain: facts and the texts of its files', () => {
  const issued = judge(leaf.pem + between.pem);
  expect(issued).toMatchObject({
    notBeforeMs: life.notBeforeMs,
    notAfterMs: life.notAfterMs,
    certificatePem: leaf.pem,
    chainPem: between.pem,
    fullchainPem: leaf.pem + between.pem,
    serial: expect.stringMatching(/^5a[0-9a-f]{16}$/),
  });
  expect(issued.leafSha256).toBe(new X509Certificate(leaf.pem).fingerprint256.replaceAll(':', '').toLowerCase());
});

const accepted: readonly [string, () => unknown][] = [
  ['down to the root', () => judge(leaf.pem + between.pem + root.pem)],
  ['the leaf alone', () => judge(leaf.pem)],
  [
    'lines that end as on Windows, and empty ones',
    () => judge((leaf.pem + between.pem).replaceAll('\n', '\r\n').replaceAll('-----\r\n-----', '-----\r\n\r\n-----')),
  ],
  ['names in capitals', () => judge(again({ dns: ['EXAMPLE.com', '*.example.COM'] }))],
  ['an address written another way', () => judge(leaf.pem, { identifiers: [...identifiers.slice(0, 3), ip('2001:0db8:0:0::0:1')] })],
  ['a CA clock that is two minutes ahead', () => judge(again({ notBeforeMs: NOW_MS + 120_000 }))],
  ['one of tomorrow that was ordered so', () => judge(leaf.pem, { nowMs: life.notBeforeMs - DAY_MS, startMs: life.notBeforeMs })],
  [
    'an expired root above it',
    () => judge(leaf.pem + between.pem + mint({ name: 'root', ca: true, ...years, keyPem: root.keyPem, notAfterMs: NOW_MS - DAY_MS }).pem),
  ],
];
for (const [title, attempt] of accepted) {
  test(`chain: takes ${title}`, () => expect(attempt).not.toThrow());
}

const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
const refused: readonly [string, () => unknown, RegExp][] = [
  ['nothing', () => judge(''), /no certificate/],
  ['an HTML page', () => judge('<html></html>'), /no certificate/],
  ['a private key among the certificates', () => judge(leaf.pem + key), /"PRIVATE KEY"/],
  ['an empty block', () => judge(`${leaf.pem}-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n`), /certificate 2 of it cannot be read/],
  ['a cut block', () => judge(leaf.pem + between.pem.slice(0, -40)), /broken/],
  ['garbage in a block', () => judge('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), /cannot be read/],
  ['too many certificates', () => judge(leaf.pem + root.pem.repeat(10)), /11 certificates/],
  ['too long a text', () => judge(leaf.pem + ' '.repeat(300_000)), /longer than/],
  ['another key', () => judge(mint(site).pem), /another key/],
  ['a missing name', () => judge(leaf.pem, { identifiers: [...identifiers, dns('www.example.com')] }), /lacks DNS:www\.example\.com/],
  ['a name nobody ordered', () => judge(leaf.pem, { identifiers: identifiers.slice(1) }), /also for DNS:example\.com/],
  ['an address nobody ordered', () => judge(leaf.pem, { identifiers: identifiers.slice(0, 3) }), /also for IP:2001:0db8/],
  ['a certificate that has expired', () => judge(leaf.pem, { nowMs: life.notAfterMs + 1_000 }), /expired/],
  ['a certificate of tomorrow', () => judge(leaf.pem, { nowMs: life.notBeforeMs - DAY_MS }), /clocks/],
  ['the wrong order', () => judge(leaf.pem + root.pem + between.pem), /certificate 2 of the chain did not issue/],
  ['the leaf twice', () => judge(leaf.pem + leaf.pem), /certificate 2 of the chain did not issue/],
  ['an issuer of the right name and the wrong key', () => judge(leaf.pem + forged.pem), /signature of certificate 1/],
];
for (const [title, attempt, because] of refused) {
  test(`chain: refuses ${title}`, () =>
    expect(attempt).toThrow(expect.objectContaining({ code: 'ACME_BAD_CERTIFICATE', message: expect.stringMatching(because) })));
}
