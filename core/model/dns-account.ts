import type { Parsed } from './identifier.ts';
import type { PluginChoice } from './lineage.ts';
import { isPluginName } from './plugin-name.ts';

/** An account at a DNS provider, by the name that certkit.yaml gives it. Where options are secret, they say where the secret is. */
export interface DnsAccount {
  readonly name: string;
  readonly choice: PluginChoice;
}

/** As the names of plugins are: it is written where they are. */
export function parseDnsAccountName(text: string): Parsed<string> {
  if (isPluginName(text)) return { ok: true, value: text };
  return { ok: false, because: 'a name is made of lower-case words joined by hyphens, such as home or dns-of-shop' };
}
