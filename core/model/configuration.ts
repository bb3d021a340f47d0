import type { Lineage, PluginChoice } from './lineage.ts';

/** Whose configuration: one lineage's, or the defaults of all. */
export type Subject = { readonly kind: 'lineage'; readonly name: string } | { readonly kind: 'system' };

/** A file that people write, as it was read. */
export interface Configuration {
  readonly subject: Subject;
  readonly path: string;
  /** Empty where certkit.yaml is not there. */
  readonly text: string;
}

/** The steps to a member of a YAML document. */
export type Place = readonly (string | number)[];

/** A plugin that a configuration chooses, and where it does. */
export interface PlacedChoice {
  readonly kind: 'authenticator' | 'installer' | 'notifier' | 'dns-provider';
  readonly place: Place;
  readonly choice: PluginChoice;
}

/** A value that nobody is to be shown. */
export interface PlacedSecret {
  readonly place: Place;
  readonly value: string;
}

/** What a configuration says. Options of plugins are not judged yet. */
export interface Reading {
  readonly choices: readonly PlacedChoice[];
  /** Those that are no option of a plugin. */
  readonly secrets: readonly PlacedSecret[];
  /** With the defaults of certkit.yaml; absent for certkit.yaml itself. */
  readonly lineage?: Lineage;
  /** The top-level members, as they stand there. */
  readonly members: Readonly<Record<string, unknown>>;
  /** The line of a member, counted from 1; that of the nearest one around it where it is missing. */
  lineOf(place: Place): number | undefined;
  /** The text with something else in place of the values that stand there. */
  withStars(stars: readonly { readonly place: Place; readonly stars: string }[]): string;
}

/** One edit, as a person asks for it. A key has dots between its steps: `authenticator.root`. */
export type Change =
  | { readonly kind: 'set'; readonly key: string; readonly value: string }
  | { readonly kind: 'unset'; readonly key: string }
  | { readonly kind: 'add-name'; readonly name: string }
  | { readonly kind: 'remove-name'; readonly name: string };

/** What `certkit set` and `certkit edit` are given to mean it. */
export function subjectArgument(subject: Subject): string {
  return subject.kind === 'system' ? '--system' : subject.name;
}

export function choicesOf({ authenticators, installers }: Pick<Lineage, 'authenticators' | 'installers'>): readonly PlacedChoice[] {
  const isOne = authenticators.every(({ names }) => names === undefined);
  return [
    ...authenticators.map((choice, at): PlacedChoice => ({ kind: 'authenticator', place: isOne ? ['authenticator'] : ['authenticators', at], choice })),
    ...installers.map((choice, at): PlacedChoice => ({ kind: 'installer', place: ['installers', at], choice })),
  ];
}
