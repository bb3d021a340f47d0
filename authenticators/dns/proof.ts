import { authorizes, txtRecordFor } from 'certkit/dns';
import type { ByName, Dns, DnsAccountTask, DnsPersistTask, DnsPlace, DnsTask, Identifier, PluginClock, Receipt, TxtRecord } from 'certkit/plugin';
import { pluginFault } from 'certkit/plugin';

export type RecordTask = DnsTask | DnsAccountTask | DnsPersistTask;

/** A record that a provider makes in a zone. */
export interface Made {
  /** The provider, as the option names it. */
  readonly provider: string;
  readonly zone: string;
  readonly record: TxtRecord;
}

/** The record that proves a name, and where its name leads: perhaps, by an alias, into a zone of somebody else. */
export interface Proof extends Made {
  readonly place: DnsPlace;
  /** Values that do as well, of a record that stays: somebody may have written it in other words. */
  readonly accepts?: (value: string) => boolean;
}

export interface ProofNeeds {
  readonly providers: ByName<string>;
  readonly ttlSeconds: number;
  readonly dns: Pick<Dns, 'place'>;
  readonly clock: PluginClock;
}

export async function proofOf(task: RecordTask, { providers, ttlSeconds, dns, clock }: ProofNeeds, signal: AbortSignal): Promise<Proof> {
  const provider = providerFor(task.identifier, providers);
  const { name, value } = txtRecordFor(task);
  const place = await dns.place(name, signal);
  const proof = { provider, zone: place.zone, place, record: { name: place.name, value, ttlSeconds } };
  return task.type === 'dns-persist-01' ? { ...proof, accepts: (found) => authorizes(found, task, clock.nowMs()) } : proof;
}

/** Where the record for an identifier will be, as far as it can be told without a CA. */
export async function placeFor(type: RecordTask['type'], identifier: Identifier, dns: Pick<Dns, 'place'>, signal: AbortSignal): Promise<DnsPlace> {
  // The account of dns-account-01 is a label in front, which does not lead to another zone; the rest is of the value alone.
  const unknown = { lineage: '', token: '', keyAuthorization: '', accountUrl: '', issuers: [] };
  return dns.place(txtRecordFor({ type, identifier, ...unknown }).name, signal);
}

/** The records of a wildcard and of the name below it have one name: the provider is the same, unless each has its own. */
export function providerFor({ value }: Identifier, { others, names }: ByName<string>): string {
  const own = [value, value.replace(/^\*\./, '')].find((name) => Object.hasOwn(names, name));
  const provider = own === undefined ? others : names[own];
  if (provider !== undefined) return provider;
  throw pluginFault(
    'PLUGIN_OPTION_INVALID',
    `Option "provider" of dns: there is none for ${value}`,
    `Say who has its zone, --dns-provider ${value}=NAME, or give one for all names, --dns-provider NAME.`,
  );
}

/** What finds the record again, wherever its alias leads by then. */
export const receiptOf = ({ provider, zone, record: { name, value } }: Made): Receipt => ({ provider, zone, name, value });

export function madeBy(receipt: Receipt | undefined, ttlSeconds: number): Made | undefined {
  const { provider, zone, name, value } = receipt ?? {};
  if (typeof provider !== 'string' || typeof zone !== 'string' || typeof name !== 'string' || typeof value !== 'string') return undefined;
  return { provider, zone, record: { name, value, ttlSeconds } };
}
