import type { OptionDeclarations } from './contract.ts';

/** Puts stars where a secret stood. */
export type Mask = (text: string) => string;

/** A mask for the values of options that are declared secret. */
export function maskFor(declarations: OptionDeclarations, values: Readonly<Record<string, unknown>>): Mask {
  const secrets = secretsIn(declarations, values)
    .map(({ value }) => value)
    .sort((a, b) => b.length - a.length); // one may be part of another
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '****'), text);
}

/** The values, as texts, of options that are declared secret. */
export function secretsIn(
  declarations: OptionDeclarations,
  values: Readonly<Record<string, unknown>>,
): readonly { readonly option: string; readonly value: string }[] {
  return Object.entries(declarations)
    .filter(([, { secret }]) => secret === true)
    .flatMap(([option]) => valuesIn(values[option]).map((value) => ({ option, value })))
    .filter(({ value }) => (typeof value === 'string' && value !== '') || typeof value === 'number')
    .map(({ option, value }) => ({ option, value: String(value) }));
}

/** A list's values, and those that differ by name. */
function valuesIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(valuesIn) : [value];
}

/** An error's words and those of its causes, masked; what is no error becomes its text. */
export function maskError(thrown: unknown, mask: Mask): unknown {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? mask(thrown) : undefined;
  const error = new Error(mask(thrown.message), thrown.cause === undefined ? undefined : { cause: maskError(thrown.cause, mask) });
  error.name = thrown.name;
  error.stack = mask(thrown.stack ?? '');
  return error;
}
