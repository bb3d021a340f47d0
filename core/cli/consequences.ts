import type { Subject } from '../model/configuration.ts';

const ORDERED_SO = 'The next renewal is ordered so.';

/** What follows from a change of a key; the others count from the next run on. */
const FOLLOWS: Readonly<Record<string, (name: string) => string>> = {
  identifiers: (name) => `The next run orders a certificate for the new names; "certkit renew${name}" does it now.`,
  ca: () => 'The next renewal is ordered there.',
  ca_bundle: () => 'It counts from the next connection to the CA on.',
  email: () => 'It is given to a CA when an account is made there; an account that is there keeps its contact.',
  keys: (name) => `The next renewal has such keys; ${name === '' ? '"certkit renew --force NAME"' : `"certkit renew --force${name}"`} makes them now.`,
  authenticator: () => 'The next renewal proves the names by it.',
  installers: (name) => `"certkit deploy --now${name}" puts it to use and shows what does not fit.`,
  serve: (name) => `"certkit deploy --now${name}" goes by it now, the scheduler at the next deployment.`,
  renew_before: (name) => datesBy(name),
  deploy_before: (name) => datesBy(name),
  profile: () => ORDERED_SO,
  not_before: () => ORDERED_SO,
  not_after: () => ORDERED_SO,
  permissions: () => 'The files of the next version have them.',
  probe_timeout: () => 'It counts from the next deployment on.',
  notify: () => '"certkit notify test" sends a message there.',
  dns_providers: () => 'It counts from the next run on; "certkit doctor" tries whether its secrets can be read.',
  heartbeat: () => '"certkit notify test" calls it.',
};

const datesBy = (name: string) => `The new dates count from now on; ${name === '' ? '"certkit status"' : `"certkit explain${name}"`} shows them.`;

/** What an administrator is told after a change of these top-level keys. */
export function consequencesOf(subject: Subject, keys: readonly string[]): readonly string[] {
  const name = subject.kind === 'lineage' ? ` ${subject.name}` : '';
  return [...new Set(keys.map((key) => (Object.hasOwn(FOLLOWS, key) ? FOLLOWS[key]?.(name) : undefined) ?? 'It counts from the next run on.'))];
}
