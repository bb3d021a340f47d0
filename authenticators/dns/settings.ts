import { parseDnsServer } from 'certkit/dns';
import { boolean, integer, text } from 'certkit/options';
import { type OptionsOf, pluginFault } from 'certkit/plugin';
import type { RecordTask } from './proof.ts';

export const options = {
  provider: {
    type: 'text',
    text: 'Who makes the records: a name of dns_providers in certkit.yaml, or a plugin such as exec:/usr/local/bin/set-record',
    required: true,
    byName: true,
  },
  challenge: text('dns-01; dns-account-01, whose record is apart for each account; dns-persist-01, whose record stays', { default: 'dns-01' }),
  ttl: integer('How many seconds a resolver may keep a record', { default: 60 }),
  'propagation-timeout': integer('How many seconds to wait for all servers of the zone to have a record', { default: 600 }),
  'check-resolvers': text('Resolvers that are to have it as well, as addresses with commas between'),
  check: boolean('Look whether the servers have a record before the CA is told; off where the zone looks another way from here', { default: true }),
} as const;

export interface Settings {
  readonly challenge: RecordTask['type'];
  readonly ttlSeconds: number;
  readonly limitMs: number;
  readonly resolvers: readonly string[];
  readonly check: boolean;
}

const CHALLENGES: readonly RecordTask['type'][] = ['dns-01', 'dns-account-01', 'dns-persist-01'];

/** @throws PLUGIN_OPTION_INVALID */
export function settingsOf(given: OptionsOf<typeof options>): Settings {
  const challenge = CHALLENGES.find((type) => type === given.challenge);
  if (challenge === undefined) throw invalid('challenge', `it is none of ${CHALLENGES.join(', ')}`, 'dns-01 is what every CA knows.');
  const limitSeconds = within('propagation-timeout', given['propagation-timeout'], 1, DAY_SECONDS);
  return {
    challenge,
    ttlSeconds: within('ttl', given.ttl, 1, DAY_SECONDS),
    limitMs: limitSeconds * 1_000,
    resolvers: resolversOf(given['check-resolvers']),
    check: given.check,
  };
}

const DAY_SECONDS = 86_400;

function within(option: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw invalid(option, 'it is out of bounds', `Give a number of seconds from ${least} to ${most}.`);
}

function resolversOf(given: string | undefined): readonly string[] {
  const resolvers = given === undefined ? [] : given.split(',').map((one) => one.trim());
  for (const resolver of resolvers) {
    const parsed = parseDnsServer(resolver);
    if (!parsed.ok) throw invalid('check-resolvers', parsed.because, 'Several have commas between them.');
  }
  return resolvers;
}

const invalid = (option: string, because: string, hint: string) => pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of dns: ${because}`, hint);
