import { fault } from '../core/errors.ts';
import { type Identifier, parseIdentifier } from '../core/model/identifier.ts';
import { parseCommand } from './command-words.ts';
import type { ByName, OptionDeclaration, OptionDeclarations, OptionsOf, OptionType, OptionValues } from './contract.ts';

interface Extras<T extends OptionType> {
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly default?: OptionValues[T];
  readonly byName?: boolean;
}

/** A declaration that keeps its literal members, so that `OptionsOf` knows which values can be absent. */
type Declared<T extends OptionType, E> = { readonly type: T; readonly text: string } & E;

/** A builder for one type of option; what it makes is plain data. */
const declare =
  <T extends OptionType>(type: T) =>
  <const E extends Extras<T> = Record<never, never>>(text: string, extras?: E): Declared<T, E> => ({ type, text, ...(extras as E) });

/** Any text on one line. */
export const text = declare('text');
/** The absolute path of a file. */
export const file = declare('file');
/** The absolute path of a directory. */
export const directory = declare('directory');
/** A whole number. */
export const integer = declare('integer');
/** A TCP port, 1 to 65535. */
export const port = declare('port');
export const boolean = declare('boolean');
/** A file's mode as chmod takes it: `0640`. */
export const mode = declare('mode');
/** A program and its arguments, as one text or as a list; no shell reads it. */
export const command = declare('command');

/** The key, among names, of the value for all names without one of their own. */
export const OTHER_NAMES = 'others';

/** The flag that sets an option on the command line. */
export function flagOf(plugin: string, option: string): string {
  return `--${plugin}-${option}`;
}

/** An option as a command line offers it. */
export interface OptionFlag {
  /** Its name in a lineage's file, and the key that `readOptions` takes. */
  readonly option: string;
  /** `--webroot-root` */
  readonly flag: string;
  /** What stands for the value in a usage text, `<directory>`; absent where the flag alone says yes. */
  readonly value?: string;
  readonly text: string;
  readonly required: boolean;
  readonly secret: boolean;
  readonly default?: NonNullable<OptionDeclaration['default']>;
}

export function optionFlags(plugin: string, declarations: OptionDeclarations): readonly OptionFlag[] {
  return Object.entries(declarations).map(([option, declaration]) => ({
    option,
    flag: flagOf(plugin, option),
    ...(declaration.type === 'boolean' ? {} : { value: `<${declaration.type}>` }),
    text: declaration.text,
    required: declaration.required === true,
    secret: declaration.secret === true,
    ...(declaration.default === undefined ? {} : { default: declaration.default }),
  }));
}

/** What a reader answers: the typed value, or what is wrong with the raw one. No message repeats the value: it may be a secret. */
export type OptionReading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

/**
 * Reads what a person set for a plugin, as flags give it (text) or as YAML does (text, numbers, booleans, lists).
 *
 * @throws PLUGIN_OPTION_INVALID, naming the option: it is not declared, is missing, or its value does not fit the type
 */
export function readOptions<const D extends OptionDeclarations>(plugin: string, declarations: D, raw: Readonly<Record<string, unknown>>): OptionsOf<D> {
  const judged = judgeOptions(declarations, raw);
  if (!judged.ok) throw fault('PLUGIN_OPTION_INVALID', { plugin, option: judged.option, because: judged.because });
  return judged.values as OptionsOf<D>;
}

/** The typed values of all declared options, or the first option that cannot be used and why. */
export function judgeOptions(
  declarations: OptionDeclarations,
  raw: Readonly<Record<string, unknown>>,
): { readonly ok: true; readonly values: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly option: string; readonly because: string } {
  for (const option of Object.keys(raw)) {
    if (raw[option] === undefined || Object.hasOwn(declarations, option)) continue;
    const known = Object.keys(declarations);
    return { ok: false, option, because: `there is no such option; ${known.length === 0 ? 'it has none' : `it knows ${known.join(', ')}`}` };
  }

  const values: [string, unknown][] = [];
  for (const [option, declaration] of Object.entries(declarations)) {
    const given = Object.hasOwn(raw, option) ? raw[option] : undefined;
    if (given === undefined && declaration.required === true && declaration.default === undefined) {
      return { ok: false, option, because: `it is required: ${declaration.text}` };
    }
    const reading = readDeclared(declaration, given);
    if (!reading.ok) return { ok: false, option, because: reading.because };
    values.push([option, reading.value]);
  }
  return { ok: true, values: Object.fromEntries(values) };
}

function readDeclared({ type, byName, default: preset }: OptionDeclaration, given: unknown): OptionReading<unknown> {
  const read: (raw: unknown) => OptionReading<unknown> = readers[type];
  if (byName === true) return readByName(given ?? preset, read);
  return given === undefined ? { ok: true, value: preset } : read(given);
}

/** One value for all names, or a mapping of names to theirs: `{ example.com: /srv/a, others: /srv/b }`. */
function readByName<T>(given: unknown, read: (raw: unknown) => OptionReading<T>): OptionReading<ByName<T>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    if (given === undefined) return { ok: true, value: { names: {} } };
    const reading = read(given);
    return reading.ok ? { ok: true, value: { others: reading.value, names: {} } } : reading;
  }
  const names = new Map<string, T>();
  for (const [key, raw] of Object.entries(given)) {
    const name = key === OTHER_NAMES ? { ok: true as const, value: { value: OTHER_NAMES } } : parseIdentifier(key);
    if (!name.ok)
      return { ok: false, because: `"${key}" is no name of a certificate (${name.because}); "${OTHER_NAMES}" means all without a value of their own` };
    if (names.has(name.value.value)) return { ok: false, because: `${name.value.value} is there twice` };
    const reading = read(raw);
    if (!reading.ok) return { ok: false, because: `of ${key}: ${reading.because}` };
    names.set(name.value.value, reading.value);
  }
  const others = names.get(OTHER_NAMES);
  names.delete(OTHER_NAMES);
  return { ok: true, value: { ...(others === undefined ? {} : { others }), names: Object.fromEntries(names) } };
}

/** What an option says for an identifier. */
export function valueFor<T>({ others, names }: ByName<T>, identifier: Pick<Identifier, 'value'>): T | undefined {
  return Object.hasOwn(names, identifier.value) ? names[identifier.value] : others;
}

/** Whether a declaration's default is a value of its type; says what is wrong, or nothing. */
export function faultOfDefault(declaration: OptionDeclaration): string | undefined {
  const { type, default: value } = declaration;
  if (value === undefined) return undefined;
  if (type === 'mode') return Number.isInteger(value) && isMode(Number(value)) ? undefined : 'a default mode is a number such as 0o640';
  if (type === 'command') return Array.isArray(value) && readers.command(value).ok ? undefined : 'a default command is a list of words';
  const wanted = type === 'integer' || type === 'port' ? 'number' : type === 'boolean' ? 'boolean' : 'string';
  if (typeof value !== wanted) return `its default is not a ${wanted}`;
  const reading = readers[type](value);
  return reading.ok ? undefined : `its default does not fit: ${reading.because}`;
}

const OCTAL = /^(?:0o?)?[0-7]{3,4}$/;
const isMode = (value: number) => value >= 0 && value <= 0o7777;

const readers: { readonly [T in OptionType]: (raw: unknown) => OptionReading<OptionValues[T]> } = {
  text: readText,
  file: readPath,
  directory: readPath,
  integer: (raw) => readInteger(raw, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'a whole number'),
  port: (raw) => readInteger(raw, 1, 65_535, 'a port, 1 to 65535'),
  boolean: readBoolean,
  mode: readMode,
  command: parseCommand,
};

const not = (what: string): OptionReading<never> => ({ ok: false, because: `it is not ${what}` });

function readText(raw: unknown): OptionReading<string> {
  if (typeof raw === 'number') return { ok: true, value: String(raw) }; // YAML reads `owner: 33` so
  if (typeof raw !== 'string') return not('a text');
  if (raw.trim() === '') return { ok: false, because: 'it is empty' };
  return /[\0-\x08\x0a-\x1f\x7f]/.test(raw) ? { ok: false, because: 'it holds control characters or more than one line' } : { ok: true, value: raw };
}

function readPath(raw: unknown): OptionReading<string> {
  const reading = typeof raw === 'string' ? readText(raw) : not('a path');
  if (!reading.ok) return reading;
  if (!reading.value.startsWith('/')) return { ok: false, because: 'it is not an absolute path (one that begins with "/")' };
  if (reading.value.split('/').includes('..')) return { ok: false, because: 'it goes up with ".."; write the path it leads to' };
  const segments = reading.value.split('/').filter((segment) => segment !== '' && segment !== '.');
  return { ok: true, value: `/${segments.join('/')}` };
}

function readInteger(raw: unknown, least: number, most: number, what: string): OptionReading<number> {
  const value = typeof raw === 'string' && /^[-+]?\d+$/.test(raw.trim()) ? Number(raw) : raw;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? { ok: true, value } : not(what);
}

function readBoolean(raw: unknown): OptionReading<boolean> {
  if (typeof raw === 'boolean') return { ok: true, value: raw };
  if (raw === 'true' || raw === 'yes') return { ok: true, value: true };
  return raw === 'false' || raw === 'no' ? { ok: true, value: false } : not('yes or no (true or false)');
}

/**
 * A number comes from YAML, which reads `0640` as the decimal 640 and `0o640` as 416. The digits are taken as chmod
 * takes them; one that would then give a group or others more than the owner was surely written the other way.
 */
function readMode(raw: unknown): OptionReading<number> {
  const because = 'it is not a mode as chmod takes it; write it as text, such as "0640"';
  const digits = typeof raw === 'number' ? String(raw).padStart(3, '0') : typeof raw === 'string' ? raw.trim() : '';
  if (!OCTAL.test(digits)) return { ok: false, because };
  const value = Number.parseInt(digits.replace(/^0o/, ''), 8);
  const [owner, group, others] = [(value >> 6) & 7, (value >> 3) & 7, value & 7];
  const upsideDown = (group & ~owner) !== 0 || (others & ~group) !== 0;
  return typeof raw === 'number' && upsideDown ? { ok: false, because } : { ok: true, value };
}
