import type { FileReader } from 'certkit/plugin';
import { privateText } from './private-file.ts';
import { invalidOption } from './provider-fault.ts';

const ASSIGNMENT = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;
/** What decides which code a program runs is not for a file of credentials. */
const NOT_FOR_A_FILE = /^(?:PATH|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4|LD_.*|BASH_FUNC_.*)$/;

/**
 * Variables for the environment of a program, one `NAME=value` a line; a value may stand in quotes, and means what it says: nothing in it
 * is expanded. Empty lines and those that begin with `#` do not count.
 *
 * @throws PLUGIN_OPTION_INVALID, which names the line and never its value
 */
export async function readEnvironmentFile(provider: string, path: string | undefined, files: FileReader): Promise<Readonly<Record<string, string>>> {
  if (path === undefined) return {};
  const refuse = (line: number, because: string) =>
    invalidOption(provider, 'environment-file', `${path}:${line}: ${because}`, 'A line is NAME=value; "#" at its beginning makes it a comment.');

  const variables: Record<string, string> = {};
  const lines = (await privateText(provider, 'environment-file', path, files)).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const [, name, value = ''] = ASSIGNMENT.exec(text) ?? [];
    if (name === undefined) throw refuse(index + 1, 'this is no NAME=value');
    if (NOT_FOR_A_FILE.test(name)) throw refuse(index + 1, `${name} cannot be set here`);
    if (value.includes('\0')) throw refuse(index + 1, 'the value has a NUL character');
    variables[name] = withoutQuotes(value);
  }
  return variables;
}

const withoutQuotes = (value: string): string => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
