import { readPrivateFile } from 'certkit/credentials';
import type { FileReader } from 'certkit/plugin';
import { invalidOption } from './provider-fault.ts';

/** The text of a file with secrets that an option names. @throws PLUGIN_OPTION_INVALID */
export async function privateText(provider: string, option: string, path: string, files: FileReader): Promise<string> {
  const read = await readPrivateFile(path, files);
  if ('text' in read) return read.text;
  throw invalidOption(provider, option, `${path} ${read.because}`, read.hint);
}
