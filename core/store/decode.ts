import type { Parsed } from '../model/identifier.ts';

/** Where in a document something does not fit, and why. */
export class Misfit extends Error {
  readonly path: readonly (string | number)[];
  readonly because: string;
  /** The fault is the member's name and not its value. */
  readonly ofKey: boolean;

  constructor(because: string, path: readonly (string | number)[] = [], ofKey = false) {
    super(path.length === 0 ? because : `${path.join('.')}: ${because}`);
    this.because = because;
    this.path = path;
    this.ofKey = ofKey;
  }

  within(key: string | number): Misfit {
    return new Misfit(this.because, [key, ...this.path], this.ofKey);
  }
}

/** Turns what a file held into a typed value, or throws a Misfit. */
export type Decoder<T> = (value: unknown) => T;

interface Optional<T> {
  readonly optional: Decoder<T>;
}

type Shape = Readonly<Record<string, Decoder<unknown> | Optional<unknown>>>;

export type Decoded<S extends Shape> = {
  readonly [K in keyof S as S[K] extends Decoder<unknown> ? K : never]: S[K] extends Decoder<infer T> ? T : never;
} & {
  readonly [K in keyof S as S[K] extends Optional<unknown> ? K : never]?: S[K] extends Optional<infer T> ? T : never;
};

export function optional<T>(decoder: Decoder<T>): Optional<T> {
  return { optional: decoder };
}

/** Files that people write name every member that is unknown; files of ours may have been written by a newer certkit. */
export function members<S extends Shape>(shape: S, unknownMembers: 'refused' | 'ignored'): Decoder<Decoded<S>> {
  const fields = Object.entries(shape);
  return (value) => {
    const from = mapping(value);
    if (unknownMembers === 'refused') refuseUnknown(from, shape);
    const result: Record<string, unknown> = {};
    for (const [key, field] of fields) {
      const found = from[key];
      if (typeof field === 'function') {
        if (found === undefined) throw new Misfit(`"${key}" is missing`);
        result[key] = below(key, field, found);
      } else if (found !== undefined) {
        result[key] = below(key, field.optional, found);
      }
    }
    return result as Decoded<S>;
  };
}

export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new Misfit('a list is wanted');
    return value.map((member, at) => below(at, item, member));
  };
}

export function mapOf<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value) => Object.fromEntries(Object.entries(mapping(value)).map(([key, member]) => [key, below(key, item, member)]));
}

export function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Misfit('a text is wanted');
  return value;
}

export function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Misfit('true or false is wanted');
  return value;
}

export function whole(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Misfit('a whole number is wanted');
  return value as number;
}

export function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Misfit('a number is wanted');
  return value;
}

export function oneOf<const T extends string>(choices: readonly T[]): Decoder<T> {
  return (value) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Misfit(`${shown(value)} is none of ${choices.join(', ')}`);
    return found;
  };
}

export function exactly<const T extends string | number>(wanted: T): Decoder<T> {
  return (value) => {
    if (value !== wanted) throw new Misfit(`${shown(value)} is not ${shown(wanted)}`);
    return wanted;
  };
}

/** A text that a parser of the model reads. */
export function parsed<T>(parse: (text: string) => Parsed<T>): Decoder<T> {
  return (value) => {
    const answer = parse(text(value));
    if (!answer.ok) throw new Misfit(`${shown(value)}: ${answer.because}`);
    return answer.value;
  };
}

export function mapping(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Misfit('"key: value" members are wanted');
  return value as Record<string, unknown>;
}

function refuseUnknown(from: Readonly<Record<string, unknown>>, shape: Shape): void {
  const unknown = Object.keys(from).find((key) => !Object.hasOwn(shape, key));
  if (unknown !== undefined) throw new Misfit(`"${unknown}" is not known here; known are ${Object.keys(shape).join(', ')}`, [unknown], true);
}

function below<T>(key: string | number, decoder: Decoder<T>, value: unknown): T {
  try {
    return decoder(value);
  } catch (thrown) {
    throw thrown instanceof Misfit ? thrown.within(key) : thrown;
  }
}

function shown(value: unknown): string {
  return typeof value === 'object' ? 'this' : JSON.stringify(value);
}
