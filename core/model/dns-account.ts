import type { Parsed } from './identifier.ts';
import type { PluginChoice } from './lineage.ts';

/** An account at a DNS provider, by the name that certkit.yaml gives it. Where options are secret, they say where the secret is. */
export interface DnsAccount {
  readonly name: string;
  readonly choice: PluginChoice;
}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** As the names of plugins are: it is written where they are. */
export function parseDnsAccountName(text: string): Parsed<string> {
  if (text.length <= 64 && NAME.test(text)) return { ok: true, value: text };
  return { ok: false, because: 'a name is made of lower-case words joined by hyphens, such as home or dns-of-shop' };
}
