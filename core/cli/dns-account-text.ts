import type { Certkit } from '../composition.ts';
import { faultFacts } from '../errors.ts';
import { faultText } from './words.ts';

type KnownDnsAccount = Awaited<ReturnType<Certkit['knownDnsAccounts']>>[number];

/** An account at a DNS provider, for `certkit doctor`. */
export function dnsAccountText(account: KnownDnsAccount): string {
  const title = `DNS provider ${account.name} (${account.plugin})`;
  switch (account.state) {
    case 'usable':
      return `${title}: its options fit, and its secrets can be read`;
    case 'not-here':
      return `${title}: its secret is not at hand in this shell; where the run of a scheduler gets it, that is as it should be\n  ${indented(account)}`;
    case 'faulty':
      return `${title}\n  ${indented(account)}`;
  }
}

export function dnsAccountFacts(account: KnownDnsAccount): Readonly<Record<string, unknown>> {
  const { name, plugin, state } = account;
  return { name, plugin, state, ...(account.state === 'usable' ? {} : { error: faultFacts(account.error) }) };
}

const indented = ({ error }: Extract<KnownDnsAccount, { error: unknown }>) => faultText(error).replaceAll('\n', '\n  ');
