import { join } from 'node:path';
import { type Hook, type HookEvent, hookOf } from '../model/hook.ts';
import type { FileReader } from '../ports.ts';
import type { Layout } from './layout.ts';
import type { Lineages } from './lineages.ts';
import { requireOwnProgram, requireOwnWay } from './safety.ts';
import { parseYaml } from './yaml-text.ts';

const MAY_BE_EXECUTED = 0o111;

export interface HooksForAll {
  readonly hooks: readonly Hook[];
  /** Paths of files in the event's folder that nobody may execute. */
  readonly idle: readonly string[];
}

export interface HookFolders {
  /**
   * Hooks that are for all lineages: those of certkit.yaml, then the executables of `hooks.d/<event>` in the order of their names.
   * @throws STORE_UNSAFE where others could put a program there or change one
   */
  hooksForAll(event: HookEvent): Promise<HooksForAll>;
  /** Where a hook is written, as file and line. */
  hookPlace(hook: Hook): Promise<string>;
}

export function createHookFolders(layout: Layout, files: FileReader, { settings }: Pick<Lineages, 'settings'>, uid: number): HookFolders {
  async function inFolder(event: HookEvent): Promise<HooksForAll> {
    const folder = layout.hookFolder(event);
    const names = (await files.list(folder)) ?? [];
    const paths = [...names]
      .filter((name) => !name.startsWith('.') && !name.endsWith('~'))
      .sort()
      .map((name) => join(folder, name));
    if (paths.length === 0) return { hooks: [], idle: [] };

    await requireOwnWay(folder, files, uid);
    const found = await Promise.all(paths.map(async (path) => ({ path, facts: await files.facts(path, 'follow') })));
    const programs = found.flatMap(({ path, facts }) => (facts?.type === 'file' && (facts.mode & MAY_BE_EXECUTED) !== 0 ? [path] : []));
    await Promise.all(programs.map((path) => requireOwnProgram(path, files, uid)));
    return { hooks: programs.map((path) => hookOf(event, { run: [path] }, path)), idle: paths.filter((path) => !programs.includes(path)) };
  }

  return {
    async hooksForAll(event) {
      const declared = ((await settings()).hooks?.[event] ?? []).map((one, index) => hookOf(event, one, layout.settings, index));
      const { hooks, idle } = await inFolder(event);
      return { hooks: [...declared, ...hooks], idle };
    },

    async hookPlace({ event, origin, index }) {
      const bytes = index === undefined ? undefined : await files.read(origin);
      if (bytes === undefined) return origin;
      const line = (await parseYaml(origin, Buffer.from(bytes).toString('utf8'))).lineOf(['hooks', event, index ?? 0], false);
      return line === undefined ? origin : `${origin}:${line}`;
    },
  };
}
