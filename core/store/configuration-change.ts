import type { Change } from '../model/configuration.ts';
import { parseIdentifier } from '../model/identifier.ts';
import { isListKey } from './configuration-keys.ts';
import { Misfit } from './decode.ts';
import { memberOf, placeOf, withMember } from './member.ts';
import { DIALECT, loadYaml } from './yaml-dialect.ts';

type Members = Readonly<Record<string, unknown>>;

/**
 * The top-level members of a configuration after some changes, made one after the other.
 *
 * @param known - the keys that may stand at the top
 * @throws Misfit where a change cannot be made
 */
export async function changedMembers(members: Members, changes: readonly Change[], known: readonly string[]): Promise<Members> {
  let result = members;
  for (const change of changes) result = await changedBy(result, change, known);
  return result;
}

async function changedBy(members: Members, change: Change, known: readonly string[]): Promise<Members> {
  switch (change.kind) {
    case 'add-name':
      return withName(members, change.name);
    case 'remove-name':
      return withoutName(members, change.name);
    case 'set':
    case 'unset': {
      const [top = ''] = change.key.split('.');
      if (!known.includes(top) && !(change.kind === 'unset' && Object.hasOwn(members, top))) {
        throw new Misfit(`"${top}" is not known here; known are ${known.join(', ')}`);
      }
      const place = placeOf(change.key, members);
      const value = change.kind === 'set' ? await readValue(change.key, change.value) : undefined;
      return withMember(members, place, value) as Members;
    }
  }
}

/** What is typed for a key: a list with commas where the key holds one, YAML where it begins with a bracket, else one plain value. */
async function readValue(key: string, typed: string): Promise<unknown> {
  if (/^[[{]/.test(typed)) {
    const yaml = await loadYaml();
    try {
      return yaml.parse(typed, DIALECT);
    } catch {
      throw new Misfit(`${key}: this is no YAML list or mapping; text with other than letters and digits is safe in double quotes`);
    }
  }
  if (isListKey(key)) return typed.split(',').map((item) => item.trim());
  if (typed === 'true' || typed === 'false') return typed === 'true';
  return /^(?:0|[1-9]\d{0,14})$/.test(typed) ? Number(typed) : typed;
}

function withName(members: Members, name: string): Members {
  const value = checkedName(name);
  const names = namesOf(members, 'identifiers');
  return names.some((held) => sameName(held, value)) ? members : { ...members, identifiers: [...names, value] };
}

/** A name that the certificate does not have is none to serve or to prove, either. */
function withoutName(members: Members, name: string): Members {
  const value = checkedName(name);
  const names = namesOf(members, 'identifiers');
  if (!names.some((held) => sameName(held, value))) throw new Misfit(`identifiers: "${name}" is not among them; there are ${names.join(', ')}`);
  const rest = unproven({ ...members, identifiers: names.filter((held) => !sameName(held, value)) }, value);
  const serve = namesOf(members, 'serve').filter((held) => !sameName(held, value));
  if (members.serve === undefined || serve.length === namesOf(members, 'serve').length) return rest;
  return withMember(rest, ['serve'], serve.length === 0 ? undefined : serve) as Members;
}

/** Takes a name from the authenticator that is for it, which goes with its last one. */
function unproven(members: Members, value: string): Members {
  const { authenticators, ...others } = members;
  if (!Array.isArray(authenticators)) return members;
  const left = authenticators.flatMap((choice: unknown) => {
    const names = namesOf(choice, 'names');
    const rest = names.filter((held) => !sameName(held, value));
    if (rest.length === names.length) return [choice];
    return rest.length === 0 ? [] : [withMember(choice, ['names'], rest)];
  });
  const [only, second] = left;
  const isForAll = left.length < authenticators.length && second === undefined && memberOf(only, 'names') === undefined;
  return isForAll ? { ...others, authenticator: only } : { ...members, authenticators: left };
}

function namesOf(members: unknown, key: 'identifiers' | 'serve' | 'names'): readonly unknown[] {
  const names = memberOf(members, key);
  return Array.isArray(names) ? names : [];
}

function sameName(held: unknown, value: string): boolean {
  const parsed = typeof held === 'string' ? parseIdentifier(held) : undefined;
  return parsed?.ok === true && parsed.value.value === value;
}

function checkedName(name: string): string {
  const parsed = parseIdentifier(name);
  if (!parsed.ok) throw new Misfit(`"${name}" is no name for a certificate: ${parsed.because}`);
  return parsed.value.value;
}
