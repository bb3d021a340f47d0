import { FRESH_STATE, type LineageState } from '../model/lineage-state.ts';
import type { Files } from '../ports.ts';
import { type Decoder, exactly, finite, flag, list, mapOf, members, oneOf, optional, text, whole } from './decode.ts';
import { decodeEndpoint } from './endpoint-file.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const attempts = members({ failures: whole, lastAtMs: finite, lastCode: text, notBeforeMs: finite }, 'ignored');

const decodeMembers = members(
  {
    format: exactly(FORMAT),
    renewal: optional(attempts),
    deployment: optional(attempts),
    rejected: list(whole),
    seen: mapOf(members({ version: whole, atMs: finite, server: text, serves: list(members({ name: text, endpoint: decodeEndpoint }, 'ignored')) }, 'ignored')),
    unused: optional(flag),
    hold: optional(members({ what: oneOf(['renewal', 'deployment', 'both']), untilMs: optional(finite) }, 'ignored')),
    owedHooks: optional(members({ version: whole, done: list(text), attempts: optional(attempts) }, 'ignored')),
    chosen: optional(members({ version: whole, structure: oneOf(['may-change', 'keep']) }, 'ignored')),
  },
  'ignored',
);

export const decodeState: Decoder<LineageState> = (value) => {
  const { format: _, ...state } = decodeMembers(value);
  return state;
};

export function encodeState(state: LineageState): object {
  return { format: FORMAT, ...state };
}

export interface States {
  /** A lineage without a file has the fresh state; a file that cannot be read is STORE_UNREADABLE, never silently fresh. */
  state(name: string): Promise<LineageState>;
  saveState(name: string, state: LineageState): Promise<void>;
}

export function createStates(layout: Layout, files: Files): States {
  return {
    state: async (name) => (await readJson(files, layout.state(name), decodeState)) ?? FRESH_STATE,
    saveState: async (name, state) => writeJson(files, layout.state(name), encodeState(state)),
  };
}
