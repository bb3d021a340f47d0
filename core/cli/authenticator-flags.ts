import { fault } from '../errors.ts';
import { type Identifier, parseIdentifier } from '../model/identifier.ts';
import type { AuthenticatorChoice, PluginChoice } from '../model/lineage.ts';

/** What one `--authenticator` says: the plugin, and the one name that it is for. */
export interface AuthenticatorFlag {
  readonly plugin: string;
  /** Absent: it is for all names without one of their own. */
  readonly name?: string;
}

/** Splits `example.com=webroot`; a text whose part before the first `=` is no name of a certificate has none. */
export function splitByName(text: string): { readonly name?: string; readonly value: string } {
  const at = text.indexOf('=');
  const name = at < 1 ? undefined : parseIdentifier(text.slice(0, at));
  return name?.ok === true ? { name: name.value.value, value: text.slice(at + 1) } : { value: text };
}

export function readAuthenticatorFlag(text: string): AuthenticatorFlag {
  const { name, value } = splitByName(text);
  return { plugin: value, ...(name === undefined ? {} : { name }) };
}

/** An authenticator that a command line names, with the names it is for. */
export interface NamedAuthenticator {
  readonly plugin: string;
  readonly names?: readonly string[];
}

/**
 * The authenticators that a command line names, each once, those for some names first.
 *
 * @throws USAGE_INVALID where two are for the same name, or one is for a name that the certificate does not have
 */
export function readAuthenticators(texts: readonly string[], identifiers: readonly Identifier[]): readonly NamedAuthenticator[] {
  const flags = texts.map(readAuthenticatorFlag);
  const refuse = (problem: string) => fault('USAGE_INVALID', { problem });
  for (const [at, { name, plugin }] of flags.entries()) {
    if (plugin === '') throw refuse(`--authenticator ${texts[at]} names no plugin; write it as NAME=PLUGIN`);
    if (name !== undefined && !identifiers.some(({ value }) => value === name))
      throw refuse(`--authenticator ${texts[at]} is for a name that the certificate does not have; it has ${identifiers.map(({ value }) => value).join(', ')}`);
    if (flags.findIndex((other) => other.name === name) < at)
      throw refuse(`--authenticator is given twice for ${name ?? 'all names'}; each name has one, and NAME=PLUGIN says which`);
  }
  const named = new Map<string, string[]>();
  for (const { name, plugin } of flags) if (name !== undefined) named.set(plugin, [...(named.get(plugin) ?? []), name]);
  const others = flags.filter(({ name }) => name === undefined).map(({ plugin }) => ({ plugin }));
  if (others.length === 0) {
    const without = identifiers.filter(({ value }) => !flags.some(({ name }) => name === value));
    if (without.length > 0)
      throw refuse(`${without.map(({ value }) => value).join(', ')} has no authenticator; give one by NAME=PLUGIN, or one for all other names without "NAME="`);
  }
  return [...[...named].map(([plugin, names]) => ({ plugin, names })), ...others];
}

/** What a lineage has for an authenticator that is named again: the one for the same names, else the only one of that plugin. */
export function heldAuthenticator({ plugin, names }: NamedAuthenticator, held: readonly AuthenticatorChoice[]): PluginChoice | undefined {
  const own = held.filter((choice) => choice.plugin === plugin);
  return own.find((choice) => [...(choice.names ?? [])].sort().join(' ') === [...(names ?? [])].sort().join(' ')) ?? (own.length === 1 ? own[0] : undefined);
}
