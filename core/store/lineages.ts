import { fault } from '../errors.ts';
import { type Lineage, parseLineageName } from '../model/lineage.ts';
import type { Files } from '../ports.ts';
import type { Layout } from './layout.ts';
import {
  assembleLineage,
  DEFAULT_KEYS,
  decodeLineageFields,
  decodeSettings,
  defaultsFor,
  NO_SETTINGS,
  plainFields,
  plainLineage,
  plainSettings,
  type Settings,
} from './lineage-file.ts';
import { sameValue } from './same-value.ts';
import { utf8Of } from './utf8.ts';
import { renderYaml } from './yaml-edit.ts';
import type { YamlFiles, YamlRead } from './yaml-files.ts';
import { decodeYaml, parseYaml } from './yaml-text.ts';

type Plain = Readonly<Record<string, unknown>>;

/** A file in `lineages/` that looks like a lineage and cannot be one. */
export interface Stray {
  readonly file: string;
  readonly because: string;
}

/** What people write: one file for each lineage, and the defaults they share. */
export interface Lineages {
  settings(): Promise<Settings>;
  /** Sorted. */
  names(): Promise<readonly string[]>;
  /** Files that a person may take for lineages although certkit does not. */
  strays(): Promise<readonly Stray[]>;
  /** USAGE_NO_LINEAGE when there is none; STORE_UNREADABLE with file and line. Defaults of certkit.yaml are merged in. */
  lineage(name: string): Promise<Lineage>;
  /** Makes the lineage's file, or edits the one that is there: only what differs, and never a default of certkit.yaml. */
  save(lineage: Lineage): Promise<void>;
  /** Removes the lineage's file and what is remembered of it. Versions, keys and the live link stay. Nothing there is fine. */
  forget(name: string): Promise<void>;
  /** Removes all there is of a lineage: its file first and its versions last, so that a lineage of that name begins anew whatever is left if this is cut off. Nothing there is fine. */
  erase(name: string): Promise<void>;
}

/** For the index, which reads many with the same defaults. */
export interface StampedLineages extends Lineages {
  stampedLineage(name: string, defaults: Settings): Promise<YamlRead<Lineage>>;
}

export function createLineages(layout: Layout, files: Files, yamlFiles: YamlFiles): StampedLineages {
  const settings = async () => (await yamlFiles.read(layout.settings, decodeSettings))?.value ?? NO_SETTINGS;

  async function names(): Promise<readonly string[]> {
    const found = (await files.list(layout.lineages)) ?? [];
    return found.flatMap((file) => (nameIn(file) === undefined ? [] : [file.slice(0, -'.yaml'.length)])).sort();
  }

  async function stampedLineage(name: string, defaults: Settings): Promise<YamlRead<Lineage>> {
    const found = await yamlFiles.read(layout.lineageFile(name), (value) => assembleLineage(name, decodeLineageFields(value), defaults));
    if (found === undefined) throw fault('USAGE_NO_LINEAGE', { name, known: await names() });
    return found;
  }

  /** The text of the lineage's file as it should be, or `undefined` where it is so already. */
  async function textFor(lineage: Lineage, path: string): Promise<string | undefined> {
    const defaults = plainSettings(defaultsFor(lineage.authority.directory, await settings()));
    const bytes = await files.read(path);
    if (bytes === undefined) {
      const members = withoutDefaults(plainLineage(lineage), defaults, {});
      return checked(path, header(lineage.name) + (await renderYaml(members)), members);
    }
    const parsed = await parseYaml(path, utf8Of(path, bytes));
    const held = decodeYaml(path, parsed, (value) => plainFields(decodeLineageFields(value)));
    const wanted = withoutDefaults(plainLineage(lineage), { keys: DEFAULT_KEYS, ...defaults }, held);
    const changes = new Map<string, unknown>();
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(held)])) if (!sameValue(held[key], wanted[key])) changes.set(key, wanted[key]);
    return changes.size === 0 ? undefined : checked(path, parsed.edited(changes), wanted);
  }

  return {
    settings,
    names,

    async strays() {
      const found = (await files.list(layout.lineages)) ?? [];
      return found.flatMap((file) => {
        if (/^[^.].*\.yml$/.test(file)) return [{ file, because: 'a lineage ends in .yaml; rename it' }];
        if (/^[^.].*\.yaml$/.test(file) && nameIn(file) === undefined) return [{ file, because: 'this cannot be the name of a lineage' }];
        return [];
      });
    },

    lineage: async (name) => (await stampedLineage(name, await settings())).value,
    stampedLineage,

    async save(lineage) {
      const path = layout.lineageFile(lineage.name);
      const text = await textFor(lineage, path);
      if (text === undefined) return;
      await files.write(path, text, { mode: 0o600 });
      yamlFiles.forget(path);
    },

    async forget(name) {
      await files.remove(layout.lineageFile(name));
      await files.remove(layout.state(name));
      if ((await files.list(layout.archive(name)))?.length === 0) await files.removeTree(layout.archive(name));
      yamlFiles.forget(layout.lineageFile(name));
    },

    async erase(name) {
      for (const path of [layout.lineageFile(name), layout.state(name), layout.written(name), layout.liveLink(name)]) await files.remove(path);
      await files.removeTree(layout.archive(name));
      yamlFiles.forget(layout.lineageFile(name));
    },
  };
}

function nameIn(file: string): string | undefined {
  if (!file.endsWith('.yaml')) return undefined;
  const parsed = parseLineageName(file.slice(0, -'.yaml'.length));
  return parsed.ok ? parsed.value : undefined;
}

const header = (name: string) =>
  [
    `# The certificate ${name}: its names, who proves them, and what is to use it.`,
    '# Yours to edit; comments stay. The next "certkit renew" goes by it, and "certkit status" says what it makes of it.',
    '# Every key is in docs/configuration.md. Defaults for all certificates belong in certkit.yaml.',
    '',
    '',
  ].join('\n');

/** Nothing is written that would not read back as what was meant. */
async function checked(path: string, text: string, wanted: Plain): Promise<string> {
  const readBack = decodeYaml(path, await parseYaml(path, text), (value) => plainFields(decodeLineageFields(value)));
  if (sameValue(readBack, wanted)) return text;
  throw fault('STORE_WRITE_FAILED', { path, because: 'the edit would not read back as what was meant; edit the file by hand' });
}

/** What has to stand in the file: members that say what certkit.yaml says already are left out, unless the file has them. */
function withoutDefaults(wanted: Plain, defaults: Plain, held: Plain): Plain {
  const kept = Object.entries(wanted).flatMap(([key, value]): [string, unknown][] => {
    if (key in held && !isPlain(held[key])) return [[key, value]];
    if (key === 'permissions' && isPlain(value)) {
      const members = withoutDefaults(value, plainOr(defaults[key]), plainOr(held[key]));
      return Object.keys(members).length === 0 ? [] : [[key, members]];
    }
    return !(key in held) && sameValue(value, defaults[key]) ? [] : [[key, value]];
  });
  return Object.fromEntries(kept);
}

function plainOr(value: unknown): Plain {
  return isPlain(value) ? value : {};
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
