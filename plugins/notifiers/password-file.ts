import { readPrivateFile } from 'certkit/credentials';
import type { FileReader } from 'certkit/plugin';
import { undelivered } from './undelivered.ts';

/** The password in a file that nobody else can read, as its one line. Its content is in no message. */
export async function readPasswordFile(plugin: string, path: string, files: FileReader): Promise<string> {
  const refuse = (because: string, hint: string) => undelivered(plugin, `the password file ${path} ${because}`, hint);

  const read = await readPrivateFile(path, files);
  if ('because' in read) throw refuse(read.because, read.hint);
  const password = read.text.replace(/\r?\n$/, '');
  if (password === '') throw refuse('is empty', 'Write the password into it, as its one line.');
  if (/[\0\r\n]/.test(password)) throw refuse('has more than one line', 'It has to hold the password and nothing else.');
  return password;
}
