import { expect, test } from 'vitest';
import { faultOf, parseProblem, Refusal, Silence } from '../../core/acme/problem.ts';
import { waitAfter } from '../../core/acme/retry.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const url = 'https://ca.example/order';
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`;

const documents: readonly [string, unknown, unknown][] = [
  ['type and detail', { type: urn('malformed'), detail: 'no' }, { type: urn('malformed'), detail: 'no', status: 400, subproblems: [] }],
  ['the status of the document is the one that counts', { type: 'x', detail: 'no', status: 403 }, { type: 'x', detail: 'no', status: 403, subproblems: [] }],
  ['a title where there is no detail', { type: 'x', title: 'Not so' }, { type: 'x', detail: 'Not so', status: 400, subproblems: [] }],
  ['no type', { detail: 'no' }, { type: 'about:blank', detail: 'no', status: 400, subproblems: [] }],
  [
    'control characters do not reach a terminal',
    { type: 'x\u001b[2J', detail: 'a\r\nb\u009b1m' },
    { type: 'x [2J', detail: 'a b 1m', status: 400, subproblems: [] },
  ],
  ['an endless detail is cut', { detail: 'x'.repeat(5_000) }, { type: 'about:blank', detail: `${'x'.repeat(2_000)}...`, status: 400, subproblems: [] }],
  [
    'subproblems, broken ones left out',
    {
      type: 'x',
      detail: 'two',
      subproblems: [{ type: 'y', detail: 'this', identifier: { type: 'dns', value: 'a.example' } }, 7, null, { type: 'z', detail: 'that', identifier: 4 }],
    },
    {
      type: 'x',
      detail: 'two',
      status: 400,
      subproblems: [
        { type: 'y', detail: 'this', identifier: 'a.example' },
        { type: 'z', detail: 'that' },
      ],
    },
  ],
  ['text', 'no', undefined],
  ['nothing', null, undefined],
  ['a list', [], undefined],
  ['an object about something else', { status: 'pending' }, undefined],
];
for (const [title, document, expected] of documents) {
  test(`problem document: ${title}`, () => expect(parseProblem(document, 400)).toEqual(expected));
}

const refused = (status: number, type?: string, retryInMs?: number) =>
  new Refusal({
    url,
    status,
    problem: type === undefined ? undefined : parseProblem({ type, detail: 'because' }, status),
    retryAtMs: retryInMs === undefined ? undefined : NOW_MS + retryInMs,
  });
const silent = (lasting: boolean) => new Silence({ url, because: 'nobody listens there', lasting });

const faults: readonly [string, Refusal | Silence, string, RegExp][] = [
  ['no reply', silent(false), 'ACME_UNREACHABLE', /nobody listens there/],
  ['a problem', refused(403, urn('unauthorized')), 'ACME_PROBLEM', /unauthorized, HTTP 403\): because/],
  ['a rate limit with a date', refused(429, urn('rateLimited'), 3_600_000), 'ACME_RATE_LIMITED', /because/],
  ['a rate limit without a date', refused(429, urn('rateLimited')), 'ACME_RATE_LIMITED', /because/],
  ['429 without a document', refused(429), 'ACME_RATE_LIMITED', /HTTP 429/],
  ['503 with a date', refused(503, undefined, 3_600_000), 'ACME_RATE_LIMITED', /HTTP 503/],
  ['503 without anything', refused(503), 'ACME_BAD_REPLY', /HTTP 503/],
  ['404 without a document', refused(404), 'ACME_BAD_REPLY', /HTTP 404/],
];
for (const [title, trouble, code, message] of faults) {
  test(`fault: ${title}`, () => expect(faultOf(trouble)).toMatchObject({ code, message: expect.stringMatching(message), cause: trouble }));
}

test('fault: a rate limit says until when, to people and to policy', () => {
  const limited = faultOf(refused(429, urn('rateLimited'), 3_600_000));
  expect(limited.hint).toContain('2026-03-01T13:00:00.000Z');
  expect(limited.retryAtMs).toBe(NOW_MS + 3_600_000);
});

const waits: readonly [string, Refusal | Silence, number, number | undefined][] = [
  ['a cut connection, first time', silent(false), 1, 250],
  ['a cut connection, third time', silent(false), 3, 1_000],
  ['a certificate that is not trusted', silent(true), 1, undefined],
  ['HTTP 500', refused(500), 1, 250],
  ['HTTP 503 with a short wait', refused(503, undefined, 2_000), 1, 2_000],
  ['HTTP 503 with a long wait', refused(503, undefined, 3_600_000), 1, undefined],
  ['HTTP 429 with a short wait', refused(429, urn('rateLimited'), 3_000), 1, 3_000],
  ['HTTP 403', refused(403, urn('unauthorized')), 1, undefined],
];
for (const [title, trouble, failures, expected] of waits) {
  test(`wait before the next try: ${title}`, () => expect(waitAfter(trouble, failures, NOW_MS, 0.5)).toBe(expected));
}
