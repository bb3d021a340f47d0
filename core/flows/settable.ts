import type { OptionDeclarations } from '../../plugins/contract.ts';
import type { PlacedChoice, Subject } from '../model/configuration.ts';
import { parseSecretReference } from '../model/secret-reference.ts';
import { STARS } from './configured.ts';
import type { Needs } from './needs.ts';

/** A key that a person may set, what is wanted there, and what the file says now. */
export interface Settable {
  readonly key: string;
  readonly wanted: string;
  /** Absent where the file says nothing; stars where it is a secret. */
  readonly now?: unknown;
}

export interface SettableNeeds extends Pick<Needs, 'store'> {
  optionsOf(choice: PlacedChoice): Promise<OptionDeclarations>;
}

/** Everything that can be set in a configuration: its own keys, and the options of the plugins that it chooses. */
export async function settable(subject: Subject, { store, optionsOf }: SettableNeeds): Promise<readonly Settable[]> {
  const { members, choices, secrets } = await store.readConfiguration(await store.configuration(subject));
  const keys = store.configurationKeys(subject).map(({ key, wanted }): Settable => {
    // Of plugins the names alone: their options follow, and some are secrets.
    const plugins = choices.filter(({ place }) => place[0] === key).map(titleOf);
    const isSecret = secrets.some(({ place }) => place[0] === key);
    const now = plugins.length > 0 ? plugins : isSecret ? STARS : members[key];
    return { key, wanted, ...(now === undefined ? {} : { now }) };
  });
  const options = choices.map(async (placed) =>
    Object.entries(await optionsOf(placed)).map(([option, { type, text, secret }]): Settable => {
      const key = [...placed.place, option].join('.');
      const held = placed.choice.options[option];
      if (secret === true && placed.kind === 'dns-provider') {
        return { key, wanted: `${text} (a secret: where it is, ${key}.file=PATH, ${key}.env=NAME or ${key}.credential=NAME)`, ...referenceIn(held) };
      }
      if (secret === true) return { key, wanted: `${text} (a secret: by "certkit edit")`, ...(held === undefined ? {} : { now: STARS }) };
      return { key, wanted: `${text} <${type}>`, ...(held === undefined ? {} : { now: held }) };
    }),
  );
  return [...keys, ...(await Promise.all(options)).flat()];
}

/** An account is known by its own name. */
function titleOf({ kind, place, choice }: PlacedChoice): string {
  return kind === 'dns-provider' ? `${place.at(-1)} (${choice.plugin})` : choice.plugin;
}

/** Where a secret is may be shown, and what stands there in place of that may not. */
function referenceIn(held: unknown): Pick<Settable, 'now'> {
  if (held === undefined) return {};
  return { now: parseSecretReference(held).ok ? held : STARS };
}
