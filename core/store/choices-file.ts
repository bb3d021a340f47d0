import type { Identifier } from '../model/identifier.ts';
import { type AuthenticatorChoice, authenticatorFor, type PluginChoice } from '../model/lineage.ts';
import { list, Misfit, mapping, text } from './decode.ts';
import { decodeNames } from './names-file.ts';
import { present } from './present.ts';

/** What a lineage's file says of who proves its names. */
interface AuthenticatorFields {
  readonly authenticator?: PluginChoice;
  readonly authenticators?: readonly AuthenticatorChoice[];
  readonly identifiers: readonly Identifier[];
}

/** `{plugin: webroot, root: /srv}`, or the name alone where nothing is set. */
export function decodeChoice(value: unknown): PluginChoice {
  if (typeof value === 'string') return { plugin: text(value), options: {} };
  const { plugin, ...options } = mapping(value);
  if (plugin === undefined) throw new Misfit('"plugin" is missing: the name of the plugin');
  if (typeof plugin !== 'string' || plugin === '') throw new Misfit('the name of a plugin is wanted', ['plugin']);
  return { plugin, options };
}

/** The same, with the names that each is for. */
export function decodeAuthenticators(value: unknown): readonly AuthenticatorChoice[] {
  const choices = list(decodeAuthenticator)(value);
  if (choices.length === 0) throw new Misfit('at least one is wanted');
  const others = choices.flatMap(({ names }, at) => (names === undefined ? [at] : []));
  if (others[1] !== undefined) throw new Misfit('"names" is missing: one authenticator may go without, which is for all other names', [others[1]]);
  if (choices.length === 1 && others.length === 1) throw new Misfit('one authenticator for all names is written as "authenticator"');
  const seen = new Set<string>();
  for (const [at, { names }] of choices.entries()) {
    for (const name of names ?? []) {
      if (seen.has(name)) throw new Misfit(`"${name}" has an authenticator already`, [at, 'names']);
      seen.add(name);
    }
  }
  return choices;
}

function decodeAuthenticator(value: unknown): AuthenticatorChoice {
  if (typeof value === 'string') return decodeChoice(value);
  const { names, ...choice } = mapping(value);
  return names === undefined ? decodeChoice(choice) : { ...decodeChoice(choice), names: namesIn(names) };
}

function namesIn(value: unknown): readonly string[] {
  try {
    return decodeNames(value);
  } catch (thrown) {
    throw thrown instanceof Misfit ? thrown.within('names') : thrown;
  }
}

/** Each name has to have one. */
export function assembleAuthenticators({ authenticator, authenticators, identifiers }: AuthenticatorFields): readonly AuthenticatorChoice[] {
  if (authenticator !== undefined && authenticators !== undefined)
    throw new Misfit('"authenticator" and "authenticators" are both there; one for all names is the first, several the second', ['authenticators']);
  if (authenticators === undefined) {
    if (authenticator === undefined) throw new Misfit('"authenticator" is missing: the plugin that proves control of the names');
    return [authenticator];
  }
  for (const [at, { names }] of authenticators.entries()) {
    const unknown = names?.find((name) => !identifiers.some(({ value }) => value === name));
    if (unknown !== undefined) throw new Misfit(`"${unknown}" is none of the identifiers`, ['authenticators', at, 'names']);
  }
  const without = identifiers.find((identifier) => authenticatorFor(authenticators, identifier) === undefined);
  if (without !== undefined)
    throw new Misfit(`"${without.value}" has no authenticator: name it at one of them, or give one without "names"`, ['authenticators']);
  return authenticators;
}

export function plainChoice({ plugin, options }: PluginChoice): Record<string, unknown> {
  return { plugin, ...present<Record<string, unknown>>(options) };
}

export function plainAuthenticator({ names, ...choice }: AuthenticatorChoice): Record<string, unknown> {
  const { plugin, ...options } = plainChoice(choice);
  return { plugin, ...present<Record<string, unknown>>({ names }), ...options };
}

export function plainAuthenticators(authenticators: readonly AuthenticatorChoice[]): Record<string, unknown> {
  const [only, second] = authenticators;
  if (only !== undefined && second === undefined && only.names === undefined) return { authenticator: plainChoice(only) };
  return { authenticators: authenticators.map(plainAuthenticator) };
}
