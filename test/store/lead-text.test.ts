import { expect, test } from 'vitest';
import { parseDuration } from '../../core/model/duration.ts';
import type { Lead } from '../../core/model/lineage.ts';
import { formatLead, parseLead } from '../../core/store/lead-text.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const readable: readonly [text: string, lead: Lead, written: string][] = [
  ['30 days', { kind: 'time', ms: 30 * DAY_MS }, '30 days'],
  ['30', { kind: 'time', ms: 30 * DAY_MS }, '30 days'],
  ['1d', { kind: 'time', ms: DAY_MS }, '1 day'],
  ['720h', { kind: 'time', ms: 720 * HOUR_MS }, '30 days'],
  ['36 Hours', { kind: 'time', ms: 36 * HOUR_MS }, '36 hours'],
  ['2 weeks', { kind: 'time', ms: 14 * DAY_MS }, '14 days'],
  ['33%', { kind: 'fraction', of: 0.33 }, '33%'],
  ['33.3 %', { kind: 'fraction', of: 0.33299999999999996 }, '33.3%'],
  ['immediately', { kind: 'immediately' }, 'immediately'],
];
for (const [text, lead, written] of readable) {
  test(`lead: reads "${text}" and writes "${written}"`, () => {
    expect(parseLead(text, 'deploy_before')).toMatchObject({ ok: true, value: lead.kind === 'fraction' ? { kind: 'fraction' } : lead });
    expect(formatLead(lead)).toBe(written);
    const again = parseLead(written, 'deploy_before');
    expect(again.ok && formatLead(again.value)).toBe(written);
  });
}

for (const text of ['', 'soon', '-3 days', '0 days', '0%', '101%', '5 fortnights', '30 days 2 hours', 'NaN']) {
  test(`lead: refuses "${text}"`, () => expect(parseLead(text, 'renew_before').ok).toBe(false));
}

test('lead: renewal cannot be immediate', () => expect(parseLead('immediately', 'renew_before')).toMatchObject({ ok: false }));
test('duration: wants a unit', () => expect(parseDuration('10')).toMatchObject({ ok: false }));
test('duration: seconds', () => expect(parseDuration('10 s')).toEqual({ ok: true, value: 10_000 }));
