import { expect, test } from 'vitest';
import type { AskedRevocation, RevocationAnswer } from '../../core/model/revocation.ts';
import { keepReply } from '../../core/policy/revocation.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const notAfterMs = NOW + 2_000 * HOUR;
const by = { kind: 'ocsp', url: 'http://ocsp.example/' } as const;

const answer = (status: RevocationAnswer['status'], asOfHour: number, nextHour?: number): RevocationAnswer => ({
  status,
  by,
  asOfMs: NOW + asOfHour * HOUR,
  ...(nextHour === undefined ? {} : { nextMs: NOW + nextHour * HOUR }),
});
const before = (held: RevocationAnswer): AskedRevocation => ({ askedAtMs: NOW - 12 * HOUR, checkAtMs: NOW, answer: held, notAfterMs });
const kept = (reply: RevocationAnswer, held?: RevocationAnswer) =>
  keepReply({ nowMs: NOW, notAfterMs, reply: { kind: 'answered', answer: reply }, ...(held === undefined ? {} : { before: before(held) }) });

const rests: readonly [string, RevocationAnswer, hours: number][] = [
  ['twelve hours when it says nothing of the next', answer('good', -1), 12],
  ['twelve hours when there is a newer one before', answer('good', -1, 3), 12],
  ['until the next one', answer('good', -1, 20), 20],
  ['no longer than a day', answer('good', -1, 24 * 7), 24],
];
for (const [title, reply, hours] of rests) {
  test(`the next question waits ${title}`, () => expect(kept(reply).checkAtMs).toBe(NOW + hours * HOUR));
}

const table: readonly [string, RevocationAnswer, held: RevocationAnswer | undefined, status: string][] = [
  ['the first is kept', answer('good', -1), undefined, 'good'],
  ['a newer one takes its place', answer('good', -1), answer('revoked', -30), 'good'],
  ['an older good one does not', answer('good', -40), answer('revoked', -30), 'revoked'],
  ['a revocation does, whatever its moment', answer('revoked', -40), answer('good', -30), 'revoked'],
  ['who does not know says nothing against who knew', answer('unknown', -1), answer('good', -30), 'good'],
];
for (const [title, reply, held, status] of table) test(`answers: ${title}`, () => expect(kept(reply, held).answer?.status).toBe(status));

test('no answer leaves the one that was, and is told', () => {
  const reply = { kind: 'no-answer', because: 'nobody there' } as const;
  const facts = { nowMs: NOW, notAfterMs, reply };
  expect(keepReply(facts)).toEqual({ askedAtMs: NOW, checkAtMs: NOW + 12 * HOUR, because: 'nobody there', notAfterMs });
  expect(keepReply({ ...facts, before: before(answer('revoked', -30)) })).toMatchObject({ because: 'nobody there', answer: { status: 'revoked' } });
});

test('a certificate that names nobody is not asked about again', () => {
  expect(keepReply({ nowMs: NOW, notAfterMs, reply: { kind: 'nobody-named' } })).toEqual({ askedAtMs: NOW, notAfterMs });
});
