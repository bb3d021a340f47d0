import { createPrivateKey } from 'node:crypto';
import acmeClient from 'acme-client';
import { expect, test } from 'vitest';
import { createCsr, createKeyPem, thumbprintOf } from '../../core/acme/keys.ts';
import type { Identifier } from '../../core/model/identifier.ts';
import type { KeyAlgorithm } from '../../core/model/lineage.ts';

const identifiers: readonly Identifier[] = [
  { kind: 'dns', value: 'example.com', wildcard: false },
  { kind: 'dns', value: '*.example.com', wildcard: true },
  { kind: 'dns', value: `${'long.'.repeat(30)}example.com`, wildcard: false },
  { kind: 'ip', value: '192.0.2.1', wildcard: false },
  { kind: 'ip', value: '2001:db8::ff00:42:8329', wildcard: false },
  { kind: 'ip', value: '::ffff:192.0.2.128', wildcard: false },
];

const algorithms: readonly [KeyAlgorithm, object][] = [
  ['ecdsa-p256', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'prime256v1' } }],
  ['ecdsa-p384', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'secp384r1' } }],
  ['rsa-2048', { asymmetricKeyType: 'rsa', asymmetricKeyDetails: { modulusLength: 2048 } }],
  ['rsa-3072', { asymmetricKeyType: 'rsa', asymmetricKeyDetails: { modulusLength: 3072 } }],
];
for (const [algorithm, expected] of algorithms) {
  test(`${algorithm}: a key, and a request that acme-client reads, for names and addresses`, async () => {
    const keyPem = await createKeyPem(algorithm);
    expect(keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(createPrivateKey(keyPem)).toMatchObject(expected);

    const csr = await createCsr(identifiers, keyPem);
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(csr).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    expect(acmeClient.crypto.readCsrDomains(pem)).toEqual({
      commonName: null,
      altNames: ['example.com', '*.example.com', `${'long.'.repeat(30)}example.com`, '192.0.2.1', '2001:db8::ff00:42:8329', '::ffff:c000:280'],
    });
  });

  test(`${algorithm}: the thumbprint is the one that acme-client uses`, async () => {
    const keyPem = await createKeyPem(algorithm);
    const client = new acmeClient.Client({ directoryUrl: 'https://ca.example/', accountKey: keyPem });
    const theirs = await client.getChallengeKeyAuthorization({ type: 'http-01', token: 't', url: '', status: 'pending' });
    expect(`t.${thumbprintOf(keyPem)}`).toBe(theirs);
  });
}
