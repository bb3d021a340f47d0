import { txtRecordFor } from 'certkit/dns';
import type { Identifier } from 'certkit/plugin';
import { expect, test } from 'vitest';

const apex: Identifier = { kind: 'dns', value: 'Example.org', wildcard: false };
const wildcard: Identifier = { kind: 'dns', value: '*.example.org', wildcard: true };
const common = { lineage: 'shop', token: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA' };
const keyAuthorization = `${common.token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`;
/** As other tools make it of this key authorization: sha256sum, then base64 with the letters of URLs and without padding. */
const digest = 'lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM';
/** The example of draft-ietf-acme-dns-account-label, "DNS-ACCOUNT-01 Challenge". */
const accountUrl = 'https://example.com/acme/acct/ExampleAccount';
const persist = { lineage: 'shop', type: 'dns-persist-01', issuers: ['ca.example', 'other.example'], accountUrl } as const;

const table: readonly [string, Parameters<typeof txtRecordFor>[0], ReturnType<typeof txtRecordFor>][] = [
  ['dns-01', { ...common, type: 'dns-01', keyAuthorization, identifier: apex }, { name: '_acme-challenge.example.org', value: digest }],
  ['dns-01 of a wildcard', { ...common, type: 'dns-01', keyAuthorization, identifier: wildcard }, { name: '_acme-challenge.example.org', value: digest }],
  [
    'dns-account-01',
    { ...common, type: 'dns-account-01', keyAuthorization, accountUrl, identifier: apex },
    { name: '_ujmmovf2vn55tgye._acme-challenge.example.org', value: digest },
  ],
  [
    'dns-account-01 of a wildcard',
    { ...common, type: 'dns-account-01', keyAuthorization, accountUrl, identifier: wildcard },
    { name: '_ujmmovf2vn55tgye._acme-challenge.example.org', value: digest },
  ],
  ['dns-persist-01', { ...persist, identifier: apex }, { name: '_validation-persist.example.org', value: `ca.example; accounturi=${accountUrl}` }],
  [
    'dns-persist-01 of a wildcard',
    { ...persist, identifier: wildcard },
    { name: '_validation-persist.example.org', value: `ca.example; accounturi=${accountUrl}; policy=wildcard` },
  ],
];
for (const [title, task, expected] of table) {
  test(`the record of ${title}`, () => expect(txtRecordFor(task)).toEqual(expected));
}
