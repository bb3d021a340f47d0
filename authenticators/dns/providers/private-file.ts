import type { FileReader } from 'certkit/plugin';
import { isTrusted, whereOthersWrite } from './others-write.ts';
import { invalidOption } from './provider-fault.ts';

const MOST_BYTES = 65_536;

/**
 * The text of a file with secrets that an option names: root's or our own, closed to everybody else, in directories that nobody else can change.
 * Its content is in no message.
 *
 * @throws PLUGIN_OPTION_INVALID
 */
export async function readPrivateFile(provider: string, option: string, path: string, files: FileReader): Promise<string> {
  const refuse = (because: string, hint: string) => invalidOption(provider, option, `${path} ${because}`, hint);

  const facts = await files.facts(path, 'follow');
  if (facts === undefined) throw refuse('is not there', `Create it for root alone, then write into it: install -m 600 /dev/null ${path}`);
  if (facts.type !== 'file') throw refuse('is no file', 'Name the file itself.');
  if (!isTrusted(facts.uid)) throw refuse(`belongs to user ${facts.uid}`, `chown root: ${path}`);
  if ((facts.mode & 0o077) !== 0) throw refuse(`is open to others (mode ${octal(facts.mode)})`, `chmod 600 ${path}`);
  const open = await whereOthersWrite(path, files);
  if (open !== undefined) throw refuse(`can be replaced by others: they may write to ${open}`, 'Keep it in a directory of root, such as /etc/certkit/secrets.');
  if (facts.size > MOST_BYTES) throw refuse('is too large for what it should hold', 'Name the file with the secrets.');

  return Buffer.from((await files.read(path)) ?? []).toString('utf8');
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');
