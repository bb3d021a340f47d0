import { isPluginName } from '../core/model/plugin-name.ts';
import type { OptionType, PluginKind } from './contract.ts';
import type { PluginClaim } from './manifest.ts';
import { faultOfDefault } from './options.ts';

const OPTION_TYPES: Readonly<Record<OptionType, true>> = {
  text: true,
  file: true,
  directory: true,
  integer: true,
  port: true,
  boolean: true,
  mode: true,
  command: true,
};

/** What is wrong with a plugin's default export, given what its package.json claims; nothing if it can be used. */
export function judgeDefinition(definition: unknown, claim: Pick<PluginClaim, 'kind' | 'name'>): string | undefined {
  if (!isRecord(definition)) return 'its entry has no default export that is an object';
  if (definition.kind !== claim.kind) return `it says it is of kind "${String(definition.kind)}"; its package.json says ${claim.kind}`;
  if (definition.name !== claim.name) return `it says its name is "${String(definition.name)}"; its package.json says ${claim.name}`;
  if (typeof definition.summary !== 'string' || definition.summary === '') return 'it has no summary';
  if (typeof definition.create !== 'function') return 'it has no create function';
  if (!isRecord(definition.options)) return 'its options are not an object';

  for (const [option, declaration] of Object.entries(definition.options)) {
    const because = faultOfDeclaration(option, declaration, claim.kind);
    if (because !== undefined) return `its option "${option}": ${because}`;
  }
  return claim.kind === 'dns-provider' ? faultOfArgument(definition.argument, definition.options) : undefined;
}

/** What stands after a provider's name is in lineages' files and on command lines. */
function faultOfArgument(argument: unknown, options: Record<string, unknown>): string | undefined {
  if (argument === undefined) return undefined;
  const declaration = typeof argument === 'string' && Object.hasOwn(options, argument) ? options[argument] : undefined;
  if (!isRecord(declaration)) return 'its "argument" is not the name of one of its options';
  return declaration.secret === true ? 'its "argument" is an option that is secret' : undefined;
}

function faultOfDeclaration(option: string, declaration: unknown, kind: PluginKind): string | undefined {
  if (!isPluginName(option)) return 'the name is not made of lower-case words joined by hyphens';
  if (!isRecord(declaration)) return 'it is not an object';
  const { type, text, required, secret, byName } = declaration;
  if (typeof type !== 'string' || !Object.hasOwn(OPTION_TYPES, type)) return `its type is none of ${Object.keys(OPTION_TYPES).join(', ')}`;
  if (typeof text !== 'string' || text === '') return 'it has no text';
  if (![undefined, true, false].includes(required as boolean | undefined)) return '"required" is not true or false';
  if (![undefined, true, false].includes(secret as boolean | undefined)) return '"secret" is not true or false';
  if (![undefined, true, false].includes(byName as boolean | undefined)) return '"byName" is not true or false';
  if (byName === true && kind !== 'authenticator') return 'it is "byName", which options of authenticators alone may be';
  return faultOfDefault({ ...declaration, type: type as OptionType, text });
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
