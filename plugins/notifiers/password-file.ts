import type { FileReader } from 'certkit/plugin';
import { undelivered } from './undelivered.ts';

/** The password in a file that nobody else can read. Its content is in no message. */
export async function readPasswordFile(plugin: string, path: string, files: FileReader): Promise<string> {
  const refuse = (because: string, hint: string) => undelivered(plugin, `the password file ${path} ${because}`, hint);

  const facts = await files.facts(path, 'follow');
  if (facts === undefined) throw refuse('is not there', `Create it with the password as its one line: install -m 600 /dev/null ${path}`);
  if (facts.type !== 'file') throw refuse('is no file', 'It has to be a file with the password as its one line.');
  if (![0, process.geteuid?.()].includes(facts.uid)) throw refuse(`belongs to user ${facts.uid}`, 'It has to belong to root or to the user certkit runs as.');
  if ((facts.mode & 0o077) !== 0) throw refuse(`is open to others (mode ${facts.mode.toString(8).padStart(4, '0')})`, `chmod 600 ${path}`);

  const password = Buffer.from((await files.read(path)) ?? [])
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw refuse('is empty', 'Write the password into it, as its one line.');
  if (/[\0\r\n]/.test(password)) throw refuse('has more than one line', 'It has to hold the password and nothing else.');
  return password;
}
