import assert from 'node:assert/strict';
import type { DnsProvider, TxtRecord } from '../contract.ts';
import { check, type KitCase, never } from './kit-case.ts';

/** A DNS provider and a view of what it keeps, made anew for each case. */
export interface DnsProviderSubject {
  readonly provider: DnsProvider;
  /** Another instance with the same options, as a later process would make it. */
  readonly later: DnsProvider;
  readonly zone: string;
  /** Two names in the zone without a TXT record. No case keeps more than two values at one of them. */
  readonly names: readonly [string, string];
  /** `digests`: the service takes what dns-01 publishes, 43 letters of base64url, and nothing else. */
  readonly takes: 'any-text' | 'digests';
  /** Whether a record is gone after `remove`, and not only when newer ones have replaced it. */
  readonly removes: boolean;
  /** Makes a record as somebody else would who uses the same zone. */
  place(record: TxtRecord): Promise<void>;
  /** The values of all TXT records at a name as the provider has them, in any order. */
  observe(name: string): Promise<readonly string[]>;
}

// What dns-01 publishes: a SHA-256 in base64url (RFC 8555 section 8.4).
const [A, B] = ['LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ', 'x4gY9m0Q_2v7bK1tR5nZcE8hWfLsJ3uOaPdI6yTqVMk'] as const;

/** What dns-persist-01 publishes has spaces and semicolons, and may be longer than the 255 bytes of one string in a TXT record. */
const LONG = `authority.example; accounturi=https://authority.example/acct/${'0123456789'.repeat(24)}; policy=wildcard`;

export const dnsProviderCases: readonly KitCase<DnsProviderSubject>[] = [
  check('appends a record, and removes it', async (subject) => {
    const { provider, zone, names } = subject;
    await provider.append(zone, [record(names[0], A)], never);
    await holds(subject, names[0], [A]);
    await provider.remove(zone, [record(names[0], A)], never);
    await lacks(subject, names[0], A);
  }),

  check('appends beside what is there', async (subject) => {
    const { provider, zone, names, place } = subject;
    await place(record(names[0], A));
    await provider.append(zone, [record(names[0], B)], never);
    await holds(subject, names[0], [A, B]);
  }),

  check('appends several values at one name', async (subject) => {
    const { provider, zone, names } = subject;
    await provider.append(zone, [record(names[0], A), record(names[0], B)], never);
    await holds(subject, names[0], [A, B]);
  }),

  check('appends at several names', async (subject) => {
    const { provider, zone, names } = subject;
    await provider.append(zone, [record(names[0], A), record(names[1], B)], never);
    await holds(subject, names[0], [A]);
    await holds(subject, names[1], [B]);
  }),

  check('appends what is there already', async (subject) => {
    const { provider, later, zone, names } = subject;
    await provider.append(zone, [record(names[0], A)], never);
    await provider.append(zone, [record(names[0], A)], never);
    await later.append(zone, [record(names[0], A), record(names[0], B)], never);
    await holds(subject, names[0], [A, B]);
  }),

  check('appends a text with spaces, longer than one string of a record', async (subject) => {
    const { provider, zone, names, takes } = subject;
    if (takes === 'digests') return assert.rejects(provider.append(zone, [record(names[0], LONG)], never));
    await provider.append(zone, [record(names[0], LONG)], never);
    await holds(subject, names[0], [LONG]);
    await provider.remove(zone, [record(names[0], LONG)], never);
    await lacks(subject, names[0], LONG);
  }),

  check('removes these very values and no other', async (subject) => {
    const { provider, zone, names, place } = subject;
    await place(record(names[0], A));
    await provider.append(zone, [record(names[0], B), record(names[1], B)], never);
    await provider.remove(zone, [record(names[0], B)], never);
    await lacks(subject, names[0], B);
    assert.ok((await subject.observe(names[0])).includes(A), 'it removed a value that somebody else had put there');
    await holds(subject, names[1], [B]);
  }),

  check('removes several at once', async (subject) => {
    const { provider, zone, names } = subject;
    const records = [record(names[0], A), record(names[0], B), record(names[1], A)];
    await provider.append(zone, records, never);
    await provider.remove(zone, records, never);
    for (const { name, value } of records) await lacks(subject, name, value);
  }),

  check('removes what a killed process had appended', async (subject) => {
    const { provider, later, zone, names } = subject;
    await provider.append(zone, [record(names[0], A)], never);
    await later.remove(zone, [record(names[0], A)], never);
    await lacks(subject, names[0], A);
  }),

  check('removes twice, and what was never there', async (subject) => {
    const { provider, zone, names } = subject;
    await provider.append(zone, [record(names[0], A)], never);
    await provider.remove(zone, [record(names[0], A)], never);
    await provider.remove(zone, [record(names[0], A), record(names[0], B), record(names[1], A)], never);
    await lacks(subject, names[0], A);
  }),

  check('does nothing for no record', async (subject) => {
    const { provider, zone, names } = subject;
    await provider.append(zone, [], never);
    await provider.remove(zone, [], never);
    for (const name of names) await holds(subject, name, []);
  }),

  check('appends nothing once it is told to stop', async (subject) => {
    const { provider, zone, names } = subject;
    await assert.rejects(provider.append(zone, [record(names[0], A)], AbortSignal.abort(new Error('stop'))));
    await holds(subject, names[0], []);
  }),
];

const record = (name: string, value: string): TxtRecord => ({ name, value, ttlSeconds: 60 });

/** One record is one record, however often it was appended. */
async function holds({ observe }: DnsProviderSubject, name: string, values: readonly string[]): Promise<void> {
  assert.deepEqual([...new Set(await observe(name))].sort(), [...values].sort(), `the values at ${name}`);
}

async function lacks({ observe, removes }: DnsProviderSubject, name: string, value: string): Promise<void> {
  if (removes) assert.ok(!(await observe(name)).includes(value), `${value} is still at ${name}`);
}
