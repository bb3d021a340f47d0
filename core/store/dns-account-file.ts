import { type DnsAccount, parseDnsAccountName } from '../model/dns-account.ts';
import type { FileReader } from '../ports.ts';
import { decodeChoice } from './choices-file.ts';
import { type Decoder, Misfit, mapOf, mapping, members, optional } from './decode.ts';
import type { Layout } from './layout.ts';
import { utf8Of } from './utf8.ts';
import type { YamlFiles } from './yaml-files.ts';
import { parseYaml } from './yaml-text.ts';

export interface DnsAccounts {
  /**
   * What certkit.yaml has below `dns_providers`. Read apart from the other settings, as `notify` is: a slip in it keeps nobody from renewing
   * who needs none of it.
   * @throws STORE_UNSAFE, STORE_UNREADABLE with the line
   */
  dnsAccounts(): Promise<readonly DnsAccount[]>;
  /** Where an account stands, or one of its options, as file and line. */
  dnsAccountPlace(name: string, option?: string): Promise<string>;
}

export function createDnsAccounts(layout: Layout, files: FileReader, yamlFiles: YamlFiles): DnsAccounts {
  return {
    dnsAccounts: async () => (await yamlFiles.read(layout.settings, decodeDnsAccounts))?.value ?? [],

    async dnsAccountPlace(name, option) {
      const bytes = await files.read(layout.settings);
      if (bytes === undefined) return layout.settings;
      const place = ['dns_providers', name, ...(option === undefined ? [] : [option])];
      const line = (await parseYaml(layout.settings, utf8Of(layout.settings, bytes))).lineOf(place, false);
      return line === undefined ? layout.settings : `${layout.settings}:${line}`;
    },
  };
}

export const decodeDnsAccounts: Decoder<readonly DnsAccount[]> = (value) => {
  const { dns_providers: accounts = {} } = members({ dns_providers: optional(mapOf((account) => decodeChoice(mapping(account)))) }, 'ignored')(value ?? {});
  return Object.entries(accounts).map(([name, choice]) => {
    const parsed = parseDnsAccountName(name);
    if (!parsed.ok) throw new Misfit(`"${name}" names no DNS provider: ${parsed.because}`, ['dns_providers', name], true);
    return { name, choice };
  });
};
