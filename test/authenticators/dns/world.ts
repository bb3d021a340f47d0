import type { Dns, DnsPlace, DnsProvider, DnsTask, ForeseeingAuthenticator, Identifier, TxtRecord } from 'certkit/plugin';
import dns from '../../../authenticators/dns/dns.ts';
import type { RecordTask } from '../../../authenticators/dns/proof.ts';
import { createAuthenticator } from '../../../plugins/guard.ts';
import { authenticatorContext } from '../../plugins/authenticator-context.ts';
import { disk } from '../../plugins/disk.ts';

/** A DNS in memory: zones, aliases, and one server that shows at once what a provider was told. */
export function world({
  zones = ['example.com'],
  aliases = {},
}: {
  readonly zones?: readonly string[];
  readonly aliases?: Readonly<Record<string, string>>;
} = {}) {
  const records: (Omit<TxtRecord, 'ttlSeconds'> & { readonly zone: string })[] = [];
  const calls: string[] = [];
  const refused = new Map<string, Error>();
  let isSilent = false;
  const server = { name: 'ns1.example.net', address: '192.0.2.1' };

  const isAt = (zone: string, one: TxtRecord) => (known: (typeof records)[number]) =>
    known.zone === zone && known.name === one.name && known.value === one.value;
  const change = (provider: string, kind: keyof DnsProvider) => async (zone: string, changed: readonly TxtRecord[], signal: AbortSignal) => {
    signal.throwIfAborted();
    calls.push(`${provider} ${kind} ${zone} ${changed.map(({ name }) => name).join(' ')}`);
    const error = refused.get(zone);
    if (error !== undefined) throw error;
    for (const one of changed) {
      const at = records.findIndex(isAt(zone, one));
      if (kind === 'remove' && at >= 0) records.splice(at, 1);
      if (kind === 'append' && at < 0) records.push({ zone, name: one.name, value: one.value });
    }
  };
  const providers = new Map<string, DnsProvider>();
  const provider = (name: string): DnsProvider => {
    const made = providers.get(name) ?? { append: change(name, 'append'), remove: change(name, 'remove') };
    providers.set(name, made);
    return made;
  };

  async function place(name: string): Promise<DnsPlace> {
    const alias = aliases[name];
    if (alias !== undefined) return { ...(await place(alias)), aliases: [name] };
    const zone = zones.find((one) => name === one || name.endsWith(`.${one}`));
    if (zone === undefined) throw Object.assign(new Error(`${name} leads to no zone`), { code: 'PLUGIN_DNS_FAILED', hint: 'Look at it.' });
    return { name, aliases: [], zone, servers: [server] };
  }
  const valuesAt = (name: string) => records.filter((record) => record.name === name).map(({ value }) => value);
  const questions: Dns = {
    place,
    async txt(name) {
      if (isSilent) throw new Error('no answer in time');
      return valuesAt(name);
    },
    addresses: async () => [],
  };

  return {
    calls,
    /** What a CA would be answered for a name, aliases followed. */
    txt: (name: string) => valuesAt(aliases[name] ?? name),
    /** A record that somebody else made. */
    add: (zone: string, name: string, value: string) => records.push({ zone, name, value }),
    refuse: (zone: string, error: Error) => refused.set(zone, error),
    accept: (zone: string) => refused.delete(zone),
    /** No server answers any more. */
    silence: () => {
      isSilent = true;
    },
    /** The authenticator as core makes it, with the accounts `home` and `away`. */
    authenticator(raw: Readonly<Record<string, unknown>> = {}, accounts: readonly string[] = ['home', 'away']) {
      const find = async (name: string) => {
        if (accounts.includes(name)) return provider(name);
        throw Object.assign(new Error(`there is no provider ${name}`), { code: 'PLUGIN_OPTION_INVALID', hint: 'Name another.' });
      };
      const context = { files: disk, programs: { run: () => Promise.reject(new Error('it runs no program')) }, log: { debug() {}, warn() {} } };
      return createAuthenticator<ForeseeingAuthenticator<RecordTask['type']>>(
        dns as never,
        { provider: 'home', ...raw },
        authenticatorContext({ ...context, dns: questions, dnsProviders: { find } }),
      );
    },
  };
}

export const nameOf = (value: string): Identifier => ({ kind: 'dns', value, wildcard: value.startsWith('*.') });

export const taskFor = (name: string, token: string): DnsTask => ({
  type: 'dns-01',
  lineage: name,
  identifier: nameOf(name),
  token,
  keyAuthorization: `${token}.thumbprint`,
});
