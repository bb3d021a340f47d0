import type { OptionDeclarations } from './contract.ts';

/** Puts stars where a secret stood. */
export type Mask = (text: string) => string;

/** A mask for the values of options that are declared secret. */
export function maskFor(declarations: OptionDeclarations, values: Readonly<Record<string, unknown>>): Mask {
  const secrets = secretsIn(declarations, values);
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '****'), text);
}

/** The values of options that are declared secret, as texts, longest first: one may be part of another. */
export function secretsIn(declarations: OptionDeclarations, values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(declarations)
    .filter(([, { secret }]) => secret === true)
    .flatMap(([option]) => [values[option]].flat())
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .map(String)
    .filter((value) => value !== '')
    .sort((a, b) => b.length - a.length);
}

/** An error's words and those of its causes, masked; what is no error becomes its text. */
export function maskError(thrown: unknown, mask: Mask): unknown {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? mask(thrown) : undefined;
  const error = new Error(mask(thrown.message), thrown.cause === undefined ? undefined : { cause: maskError(thrown.cause, mask) });
  error.name = thrown.name;
  error.stack = mask(thrown.stack ?? '');
  return error;
}
