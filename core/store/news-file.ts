import { isCertkitError } from '../errors.ts';
import { NEWS_KINDS } from '../model/news.ts';
import type { Told } from '../model/told.ts';
import type { Files } from '../ports.ts';
import { exactly, finite, flag, mapOf, members, optional } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const kinds = members(Object.fromEntries(NEWS_KINDS.map((kind) => [kind, optional(finite)])), 'ignored');
const decode = members({ format: exactly(FORMAT), told: mapOf(kinds), awaitsFirstRun: optional(flag) }, 'ignored');

/** What has been told. Lost, it costs a message that somebody has read already. */
export interface ToldNews {
  told(): Promise<Told>;
  saveTold(told: Told): Promise<void>;
}

export function createToldNews(layout: Layout, files: Files): ToldNews {
  return {
    async told() {
      try {
        const { format: _, ...told } = (await readJson(files, layout.news, decode)) ?? { format: FORMAT, told: {} };
        return told;
      } catch (thrown) {
        if (isCertkitError(thrown) && thrown.code === 'STORE_UNREADABLE') return { told: {} };
        throw thrown;
      }
    },
    saveTold: async (told) => writeJson(files, layout.news, { format: FORMAT, ...told }),
  };
}
