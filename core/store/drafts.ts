import { basename, join } from 'node:path';
import type { Configuration, Subject } from '../model/configuration.ts';
import type { Files } from '../ports.ts';
import type { Layout } from './layout.ts';
import { utf8Of } from './utf8.ts';

/** A copy of a configuration that somebody edits, in a folder of its own: an editor may leave other files beside it. */
export interface Draft {
  readonly path: string;
  /** `undefined` when it was removed. @throws STORE_UNREADABLE when it is no UTF-8 */
  text(): Promise<string | undefined>;
  /** With all that lies beside it. */
  remove(): Promise<void>;
}

/** Where configurations are edited: below home, since they may hold secrets. */
export interface Drafts {
  /** @param mark - tells this draft from others of the same configuration */
  beginDraft(configuration: Configuration, mark: string): Promise<Draft>;
  /** Drafts that are being edited now or were kept, by path. */
  drafts(subject: Subject): Promise<readonly string[]>;
}

export function createDrafts(layout: Layout, files: Files): Drafts {
  const prefixOf = (subject: Subject) => (subject.kind === 'system' ? 'system-' : `lineage-${subject.name}-`);

  return {
    async beginDraft({ subject, path, text }, mark) {
      const folder = join(layout.drafts, `${prefixOf(subject)}${mark}`);
      const at = join(folder, basename(path));
      await files.makeDirectory(folder, 0o700);
      await files.write(at, text, { mode: 0o600 });
      return {
        path: at,
        async text() {
          const bytes = await files.read(at);
          return bytes === undefined ? undefined : utf8Of(at, bytes);
        },
        remove: () => files.removeTree(folder),
      };
    },

    async drafts(subject) {
      const prefix = prefixOf(subject);
      const folders = (await files.list(layout.drafts)) ?? [];
      const own = folders.filter((folder) => folder.startsWith(prefix) && /^[0-9a-f]+$/.test(folder.slice(prefix.length)));
      const file = basename(subject.kind === 'system' ? layout.settings : layout.lineageFile(subject.name));
      return own.map((folder) => join(layout.drafts, folder, file)).sort();
    },
  };
}
