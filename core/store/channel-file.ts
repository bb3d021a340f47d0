import type { Channel } from '../model/channel.ts';
import { parseLineageName } from '../model/lineage.ts';
import { NEWS_KINDS, type NewsKind, URGENT } from '../model/news.ts';
import type { FileReader } from '../ports.ts';
import { type Decoder, list, Misfit, mapping, members, oneOf, optional, parsed, text } from './decode.ts';
import type { Layout } from './layout.ts';
import { utf8Of } from './utf8.ts';
import type { YamlFiles } from './yaml-files.ts';
import { parseYaml } from './yaml-text.ts';

export interface Channels {
  /** Of certkit.yaml. */
  readonly settingsPath: string;
  /**
   * What certkit.yaml has below `notify`, in its order. Read apart from the other settings, so that a slip in it keeps nobody from renewing.
   * @throws STORE_UNSAFE, STORE_UNREADABLE with the line
   */
  channels(): Promise<readonly Channel[]>;
  /** Where a channel stands, as file and line. */
  channelPlace(channel: Channel): Promise<string>;
}

/** Nobody waits for the news that somebody asked for a test. */
const KINDS = NEWS_KINDS.filter((kind) => kind !== 'test');

const routing = members({ plugin: text, on: optional(decodeKinds), lineages: optional(list(parsed(parseLineageName))) }, 'ignored');

export function createChannels(layout: Layout, files: FileReader, yamlFiles: YamlFiles): Channels {
  return {
    settingsPath: layout.settings,

    channels: async () => (await yamlFiles.read(layout.settings, decodeChannels))?.value ?? [],

    async channelPlace({ number }) {
      const bytes = await files.read(layout.settings);
      if (bytes === undefined) return layout.settings;
      const line = (await parseYaml(layout.settings, utf8Of(layout.settings, bytes))).lineOf(['notify', number - 1], false);
      return line === undefined ? layout.settings : `${layout.settings}:${line}`;
    },
  };
}

export const decodeChannels: Decoder<readonly Channel[]> = (value) => {
  const { notify } = members({ notify: optional(list(decodeChannel)) }, 'ignored')(value ?? {});
  return (notify ?? []).map((channel, at) => ({ ...channel, number: at + 1 }));
};

function decodeChannel(value: unknown): Omit<Channel, 'number'> {
  const { plugin, on = KINDS, lineages } = routing(value);
  const { plugin: _plugin, on: _on, lineages: _lineages, ...options } = mapping(value);
  return { choice: { plugin, options }, on, ...(lineages === undefined ? {} : { lineages }) };
}

function decodeKinds(value: unknown): readonly NewsKind[] {
  if (value === 'all') return KINDS;
  if (value === 'failures') return KINDS.filter((kind) => URGENT.has(kind));
  if (!Array.isArray(value) || value.length === 0) throw new Misfit(`"all", "failures" or a list is wanted, of ${KINDS.join(', ')}`);
  return list(oneOf(KINDS))(value);
}
