import { resolve } from 'node:path';
import { fault } from '../errors.ts';
import { type Identifier, parseIdentifier, sameIdentifiers } from '../model/identifier.ts';
import {
  type AuthenticatorChoice,
  type Authority,
  defaultLineageName,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  keyTypeOf,
  type Lineage,
  type OrderTerms,
  type PluginChoice,
  parseLineageName,
} from '../model/lineage.ts';

const DEFAULT_DIRECTORY = 'https://acme-v02.api.letsencrypt.org/directory';

/** What a person gave on the command line; absent members were not given. */
export interface Wishes {
  readonly identifiers: readonly Identifier[];
  readonly name?: string;
  readonly server?: string;
  readonly caBundle?: string;
  readonly email?: string;
  readonly keys?: readonly KeyAlgorithm[];
  readonly reuseKey?: boolean;
  readonly authenticators?: readonly AuthenticatorChoice[];
  readonly installers?: readonly PluginChoice[];
  readonly serve?: readonly string[];
  readonly terms?: OrderTerms;
}

/** Reads `-d` values: repeated, or several in one separated by commas. */
export function readIdentifiers(values: readonly string[]): readonly Identifier[] {
  const names = values.flatMap((value) => value.split(',')).map((name) => name.trim());
  const read = names.map((name) => {
    const parsed = parseIdentifier(name);
    if (!parsed.ok) throw fault('USAGE_BAD_NAME', { name, because: parsed.because });
    return parsed.value;
  });
  return [...new Map(read.map((identifier) => [identifier.value, identifier])).values()];
}

export function readKeys(values: readonly string[]): readonly KeyAlgorithm[] {
  const keys = values.flatMap((value) => value.split(','));
  for (const key of keys) {
    if (!KEY_ALGORITHMS.includes(key as KeyAlgorithm))
      throw fault('USAGE_INVALID', { problem: `--key-type ${key} is unknown; it is one of ${KEY_ALGORITHMS.join(', ')}` });
  }
  const types = keys.map((key) => keyTypeOf(key as KeyAlgorithm));
  if (new Set(types).size < types.length) throw fault('USAGE_INVALID', { problem: 'A lineage has one key of each kind at most: one ECDSA, one RSA' });
  return keys as readonly KeyAlgorithm[];
}

export function readLineageName(name: string): string {
  const parsed = parseLineageName(name);
  if (!parsed.ok) throw fault('USAGE_BAD_LINEAGE_NAME', { name, because: parsed.because });
  return parsed.value;
}

/** The lineage that is meant: the one named, else the one for these very names, else none yet. */
export function lineageMeant(wishes: Pick<Wishes, 'name' | 'identifiers'>, known: readonly Lineage[]): Lineage | undefined {
  if (wishes.name !== undefined) return known.find(({ name }) => name === wishes.name);
  return (
    known.find(({ identifiers }) => sameIdentifiers(identifiers, wishes.identifiers)) ??
    known.find(({ name }) => wishes.identifiers[0] !== undefined && name === defaultLineageName(wishes.identifiers[0]))
  );
}

export interface Defaults {
  readonly authority: Partial<Authority>;
  readonly keys?: readonly KeyAlgorithm[];
}

/** The lineage as wished, over what its file says, over system-wide defaults, over our own. */
export function wantedLineage(wishes: Wishes, held: Lineage | undefined, defaults: Defaults): Lineage {
  const [first] = wishes.identifiers;
  if (first === undefined && held === undefined) throw fault('USAGE_NEEDS', { what: 'A name to get a certificate for', option: '-d NAME' });
  const authenticators = wishes.authenticators ?? held?.authenticators;
  if (authenticators === undefined)
    throw fault('USAGE_NEEDS', { what: 'An authenticator, which proves control of the names,', option: '--authenticator NAME' });

  const directory = readDirectoryUrl(wishes.server ?? held?.authority.directory ?? defaults.authority.directory ?? DEFAULT_DIRECTORY);
  // A bundle belongs to the CA it was given for.
  const known = [held?.authority, defaults.authority].find((authority) => authority?.directory === directory && authority.bundle !== undefined);
  const bundle = wishes.caBundle === undefined ? known?.bundle : resolve(wishes.caBundle);
  const email = wishes.email ?? held?.authority.email ?? defaults.authority.email;
  const serve = wishes.serve ?? held?.serve;
  const reuseKey = wishes.reuseKey ?? held?.reuseKey;
  return {
    name: wishes.name ?? held?.name ?? readLineageName(defaultLineageName(first as Identifier)),
    identifiers: wishes.identifiers.length > 0 ? wishes.identifiers : (held?.identifiers ?? []),
    authority: {
      directory,
      ...(bundle === undefined ? {} : { bundle }),
      ...(email === undefined ? {} : { email }),
    },
    keys: wishes.keys ?? held?.keys ?? defaults.keys ?? ['ecdsa-p256'],
    ...(reuseKey === undefined ? {} : { reuseKey }),
    authenticators,
    installers: wishes.installers ?? held?.installers ?? [],
    ...(serve === undefined ? {} : { serve }),
    policy: held?.policy ?? {},
    terms: { ...keptTerms(held, directory), ...wishes.terms },
    permissions: held?.permissions ?? {},
    ...(held?.hooks === undefined ? {} : { hooks: held.hooks }),
  };
}

/** A profile belongs to the CA it was given for. */
function keptTerms(held: Lineage | undefined, directory: string): OrderTerms {
  if (held === undefined || held.authority.directory === directory) return held?.terms ?? {};
  const { profile: _otherCas, ...terms } = held.terms;
  return terms;
}

function readDirectoryUrl(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:')
    throw fault('USAGE_INVALID', { problem: `--server ${text} is no https URL of an ACME directory` });
  return text;
}
