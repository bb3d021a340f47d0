import { fault } from '../errors.ts';
import { type Change, type Configuration, choicesOf, type PlacedChoice, type Reading, type Subject, subjectArgument } from '../model/configuration.ts';
import type { Files } from '../ports.ts';
import { decodeChannels } from './channel-file.ts';
import { changedMembers } from './configuration-change.ts';
import { type ConfigurationKey, describedKeys } from './configuration-keys.ts';
import { Misfit } from './decode.ts';
import { decodeDnsAccounts } from './dns-account-file.ts';
import { decodeHeartbeat } from './heartbeat-file.ts';
import type { Layout } from './layout.ts';
import { assembleLineage, decodeLineageFields, decodeSettings, LINEAGE_KEYS, NO_SETTINGS, SETTINGS_KEYS, type Settings } from './lineage-file.ts';
import type { Lineages } from './lineages.ts';
import type { Locking, Waiting } from './locking.ts';
import { sameValue } from './same-value.ts';
import { utf8Of } from './utf8.ts';
import type { YamlFiles } from './yaml-files.ts';
import { decodeYaml, parseYaml, type YamlText } from './yaml-text.ts';

type Members = Readonly<Record<string, unknown>>;

/** Lineages' files and certkit.yaml as texts, for who edits them. */
export interface Configurations {
  /** Readable or not, as long as it is text. @throws USAGE_NO_LINEAGE, STORE_UNSAFE, STORE_UNREADABLE when it is no UTF-8 */
  configuration(subject: Subject): Promise<Configuration>;
  /**
   * What a configuration says, or would say with another text.
   * @throws STORE_UNREADABLE with the line that cannot be used: by itself, or, of certkit.yaml, by a lineage that was fine before
   */
  readConfiguration(configuration: Configuration): Promise<Reading>;
  /**
   * The text with those changes made; comments, order and all other bytes stay.
   * @throws USAGE_BAD_CHANGE; STORE_UNREADABLE where what is at fault was in the file before
   */
  changedText(configuration: Configuration, changes: readonly Change[]): Promise<string>;
  /** Under the subject's lock. @throws STORE_FILE_CHANGED when the file is not as it was read any more */
  saveConfiguration(read: Configuration, text: string): Promise<void>;
  /** What may stand at the top of the file. */
  configurationKeys(subject: Subject): readonly ConfigurationKey[];
  /** Keeps others from changing the file while `work` does. */
  withConfigurationLock<T>(subject: Subject, work: () => Promise<T>, waiting?: Waiting): Promise<T>;
}

interface ConfigurationNeeds {
  readonly layout: Layout;
  readonly files: Files;
  readonly yamlFiles: YamlFiles;
  readonly lineages: Pick<Lineages, 'names' | 'settings'>;
  readonly locking: Locking;
}

export function createConfigurations({ layout, files, yamlFiles, lineages, locking }: ConfigurationNeeds): Configurations {
  const pathOf = (subject: Subject) => (subject.kind === 'system' ? layout.settings : layout.lineageFile(subject.name));
  const keysOf = (subject: Subject) => (subject.kind === 'system' ? SETTINGS_KEYS : LINEAGE_KEYS);

  async function textOf(subject: Subject): Promise<string | undefined> {
    const path = pathOf(subject);
    await yamlFiles.judge(path);
    const bytes = await files.read(path);
    return bytes === undefined ? undefined : utf8Of(path, bytes);
  }

  async function readLineage(name: string, value: unknown): Promise<Pick<Reading, 'choices' | 'secrets' | 'lineage'>> {
    const lineage = assembleLineage(name, decodeLineageFields(value), await lineages.settings());
    return { lineage, choices: choicesOf(lineage), secrets: [] };
  }

  async function readSystem(value: unknown): Promise<Pick<Reading, 'choices' | 'secrets'>> {
    const settings = decodeSettings(value);
    const channels = decodeChannels(value);
    const accounts = decodeDnsAccounts(value);
    const { url, failUrl } = decodeHeartbeat(value) ?? {};
    await missedBy(settings);
    return {
      choices: [
        ...channels.map(({ choice, number }): PlacedChoice => ({ kind: 'notifier', place: ['notify', number - 1], choice })),
        ...accounts.map(({ name, choice }): PlacedChoice => ({ kind: 'dns-provider', place: ['dns_providers', name], choice })),
      ],
      // Who knows the address can call it.
      secrets: [
        ...(url === undefined ? [] : [{ place: ['heartbeat', 'url'], value: url }]),
        ...(failUrl === undefined ? [] : [{ place: ['heartbeat', 'fail_url'], value: failUrl }]),
      ],
    };
  }

  /** A default that is taken away may be one that a lineage cannot do without. */
  async function missedBy(settings: Settings): Promise<void> {
    const before = await lineages.settings().catch(() => NO_SETTINGS);
    for (const name of await lineages.names()) {
      const assemble = (defaults: Settings) => yamlFiles.read(layout.lineageFile(name), (value) => assembleLineage(name, decodeLineageFields(value), defaults));
      if (!(await isDone(assemble(before)))) continue;
      if (!(await isDone(assemble(settings)))) throw new Misfit(`lineage ${name} cannot do without what is taken away here: a "ca" of its own is missing`);
    }
  }

  /** As the decoders say it. @throws Misfit */
  const read = (subject: Subject, value: unknown): Promise<Pick<Reading, 'choices' | 'secrets' | 'lineage'>> =>
    subject.kind === 'system' ? readSystem(value) : readLineage(subject.name, value);

  async function misfitOf(subject: Subject, value: unknown): Promise<Misfit | undefined> {
    try {
      await read(subject, value);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Misfit) return thrown;
      throw thrown;
    }
  }

  return {
    async configuration(subject) {
      const text = await textOf(subject);
      if (text === undefined && subject.kind === 'lineage') throw fault('USAGE_NO_LINEAGE', { name: subject.name, known: await lineages.names() });
      return { subject, path: pathOf(subject), text: text ?? '' };
    },

    async readConfiguration({ subject, path, text }) {
      const parsed = await parseYaml(path, text);
      const misfit = await misfitOf(subject, parsed.plain);
      if (misfit !== undefined) return decodeYaml(path, parsed, () => raise(misfit));
      return {
        ...(await read(subject, parsed.plain)),
        members: membersOf(parsed),
        lineOf: (place) => parsed.lineOf(place, false),
        withStars: parsed.withStars,
      };
    },

    async changedText({ subject, path, text }, changes) {
      const parsed = await parseYaml(path, text);
      const refuse = ({ message }: Misfit): never => raise(fault('USAGE_BAD_CHANGE', { subject: subjectArgument(subject), path, because: message }));
      const held = membersOf(parsed);
      const wanted = await changedMembers(held, changes, keysOf(subject)).catch((thrown: unknown) =>
        thrown instanceof Misfit ? refuse(thrown) : raise(thrown),
      );

      const misfit = await misfitOf(subject, wanted);
      if (misfit !== undefined) {
        const before = await misfitOf(subject, parsed.plain);
        return before?.message === misfit.message ? decodeYaml(path, parsed, () => raise(before)) : refuse(misfit);
      }
      const changed = [...new Set([...Object.keys(held), ...Object.keys(wanted)])].filter((key) => !sameValue(held[key], wanted[key]));
      if (changed.length === 0) return text;
      const result = parsed.edited(new Map(changed.map((key) => [key, wanted[key]])));
      if (!sameValue(membersOf(await parseYaml(path, result)), wanted)) {
        throw fault('STORE_WRITE_FAILED', { path, because: 'the edit would not read back as what was meant; edit the file by hand' });
      }
      return result;
    },

    async saveConfiguration({ subject, path, text: before }, text) {
      const now = await textOf(subject);
      if ((now ?? '') !== before || (now === undefined && subject.kind === 'lineage')) throw fault('STORE_FILE_CHANGED', { path });
      const facts = await files.facts(path);
      await files.write(path, text, { mode: facts === undefined ? 0o600 : facts.mode & 0o777 });
      yamlFiles.forget(path);
    },

    configurationKeys: (subject) => describedKeys(keysOf(subject)),

    withConfigurationLock: (subject, work, waiting) =>
      subject.kind === 'system' ? locking.withServerLock('certkit.yaml', work, waiting) : locking.withLock(subject.name, work, waiting),
  };
}

/** An empty file says nothing. */
function membersOf({ plain }: YamlText): Members {
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? (plain as Members) : {};
}

const isDone = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

function raise(thrown: unknown): never {
  throw thrown;
}
