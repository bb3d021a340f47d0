import { expect, test } from 'vitest';
import { afterTrouble, type FailureSeen, isOfTheAuthority, isOfTheOrder, restUntilMs } from '../../core/policy/authority-rest.ts';

const HOUR = 3_600_000;
const names = [
  { kind: 'dns', value: 'www.shop.example.com', wildcard: false },
  { kind: 'dns', value: '*.blog.test', wildcard: true },
  { kind: 'ip', value: '2001:db8::1', wildcard: false },
] as const;
const seen = (code: string, more: Partial<FailureSeen> = {}): FailureSeen => ({ code, message: '', ...more });
const limited = (detail: string) => seen('ACME_RATE_LIMITED', { message: `The CA limits how often it may be asked: ${detail}` });

const whose: readonly [string, FailureSeen, boolean][] = [
  ['nobody answers', seen('ACME_UNREACHABLE'), true],
  ['it does not finish', seen('ACME_TIMEOUT'), true],
  ['its reply is no use', seen('ACME_BAD_REPLY'), true],
  ['it says that it is at fault', seen('ACME_PROBLEM', { status: 500 }), true],
  ['it says no to this order', seen('ACME_PROBLEM', { status: 403 }), false],
  ['it could not validate a name', seen('ACME_CHALLENGE_FAILED'), false],
  ['a plugin failed', seen('PLUGIN_PRESENT_FAILED'), false],
  ['a limit of the account', limited('too many new orders (300) from this account, see https://ca.example/docs/limits/'), true],
  ['a limit of one of the names', limited('too many failed authorizations for "www.shop.example.com"'), false],
  ['a limit of the domain above it', limited('too many certificates already issued for "example.com": retry later.'), false],
  ['a limit of a wildcard', limited('too many certificates (5) for *.blog.test'), false],
  ['a limit of an address', limited('too many certificates for 2001:db8::1'), false],
  [
    'a limit of this set of names',
    limited(
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-12-01 10:00:00 UTC: ' +
        'see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers',
    ),
    false,
  ],
  ['a limit that says nothing of whose it is', limited('too many certificates'), false],
  ['a limit of the account, with the page about it', limited('too many new orders (300) from this account: see https://blog.test/limits'), true],
  ['a limit of new accounts', limited('too many new registrations (10) from this IP address in the last 3h0m0s'), true],
  ['a limit of all that is asked', limited('Service busy; retry later.'), true],
  ['a limit without a word', limited('HTTP 429 from https://ca.example/new-order'), true],
  ['a word at the end of a sentence is no name', limited('too many requests, this is only a test.'), true],
];
for (const [title, failure, expected] of whose) {
  test(`the CA as a whole: ${title}: ${expected ? 'yes' : 'no'}`, () => expect(isOfTheAuthority(failure, names)).toBe(expected));
}

const answers: readonly [string, FailureSeen, boolean][] = [
  ['it could not validate a name', seen('ACME_CHALLENGE_FAILED'), true],
  ['it says no to this order', seen('ACME_PROBLEM', { status: 403 }), true],
  ['a limit of one of the names', limited('too many failed authorizations for "www.shop.example.com"'), true],
  ['a limit of the account', limited('too many new orders (300) from this account'), false],
  ['it says that it is at fault', seen('ACME_PROBLEM', { status: 500 }), false],
  ['nobody answers', seen('ACME_UNREACHABLE'), false],
  ['a plugin failed before it was asked', seen('PLUGIN_PRESENT_FAILED'), false],
];
for (const [title, failure, expected] of answers) {
  test(`a failure shows that the CA works: ${title}: ${expected ? 'yes' : 'no'}`, () => expect(isOfTheOrder(failure, names)).toBe(expected));
}

test('each further failure counts, and lineages that tried side by side count once', () => {
  const first = afterTrouble(undefined, seen('ACME_UNREACHABLE'), 0, 5);
  expect(first).toEqual({ failures: 1, lastAtMs: 5, lastCode: 'ACME_UNREACHABLE' });
  expect(afterTrouble(first, seen('ACME_TIMEOUT'), 0, 7)).toEqual({ failures: 1, lastAtMs: 7, lastCode: 'ACME_TIMEOUT' });
  expect(afterTrouble(first, seen('ACME_UNREACHABLE'), 6, 9)).toMatchObject({ failures: 2, lastAtMs: 9 });
  const asked = afterTrouble(undefined, seen('ACME_RATE_LIMITED', { retryAtMs: 90 }), 0, 5);
  expect(afterTrouble(asked, seen('ACME_UNREACHABLE'), 4, 6)).toMatchObject({ failures: 1, retryAtMs: 90 });
  expect(afterTrouble(asked, seen('ACME_UNREACHABLE'), 8, 9)).not.toHaveProperty('retryAtMs');
  const ofAClockAhead = { ...asked, lastAtMs: 99 };
  expect(afterTrouble(ofAClockAhead, seen('ACME_UNREACHABLE'), 8, 9)).toEqual({ failures: 2, lastAtMs: 9, lastCode: 'ACME_UNREACHABLE' });
});

const trouble = (failures: number, retryAtMs?: number) => ({ failures, lastAtMs: 0, lastCode: 'x', ...(retryAtMs === undefined ? {} : { retryAtMs }) });
const rests: readonly [string, ReturnType<typeof trouble>, number | undefined, number][] = [
  ['an hour after the first failure', trouble(1), undefined, 1],
  ['twice as long after each further one', trouble(4), undefined, 8],
  ['at most a day', trouble(40), undefined, 24],
  ['shorter for a certificate that is near its end', trouble(40), 16 * HOUR, 2],
  ['no shorter for one that has expired', trouble(40), -HOUR, 24],
  ['until its own date', trouble(1, 99 * HOUR), 8 * 100 * HOUR, 99],
  ['or as long as leaves tries to a certificate that expires before', trouble(1, 99 * HOUR), 16 * HOUR, 2],
  ['until its own date where there is no certificate', trouble(1, 99 * HOUR), undefined, 99],
];
for (const [title, of, notAfterMs, hours] of rests) test(`the CA rests ${title}`, () => expect(restUntilMs(of, notAfterMs)).toBe(hours * HOUR));
