import { expect } from 'vitest';
import { type Home, printed, type RunOptions } from './certkit.ts';

/** What a person and a program are told of one error. */
export interface ToldFault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const EXIT_CODES: Readonly<Record<string, number>> = { USAGE: 2, PLUGIN: 3, ACME: 4, INSTALLER: 5, EXEC: 6, STORE: 7 };

/**
 * Runs a command twice, which is to fail twice alike: for a person, who reads code, message and hint, and with `--json`,
 * which prints one object with the error in it. The exit code is the one of the error's family.
 */
export async function expectFault(home: Home, args: readonly string[], code: string, options: RunOptions = {}): Promise<ToldFault> {
  const exitCode = EXIT_CODES[code.split('_')[0] ?? ''];
  const forPeople = await home.run(args, options);
  const forPrograms = await home.run([...args, '--json'], options);

  expect(forPeople.exitCode, printed(forPeople)).toBe(exitCode);
  expect(forPrograms.exitCode, printed(forPrograms)).toBe(exitCode);
  const { error } = JSON.parse(forPrograms.stdout) as { readonly error?: ToldFault };
  expect(error?.code, printed(forPrograms)).toBe(code);
  const { message = '', hint = '' } = error ?? {};
  expect(message).not.toBe('');
  expect(hint).not.toBe('');
  // Ports, tokens and the order of names differ from run to run; the first words do not.
  expect(forPeople.stderr, printed(forPeople)).toContain(`${code}: ${message.slice(0, 15)}`);
  expect(forPeople.stderr, printed(forPeople)).toContain(hint.split('\n')[0]);
  return { code, message, hint };
}
