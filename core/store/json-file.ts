import { fault } from '../errors.ts';
import type { FileReader, Files } from '../ports.ts';
import { type Decoder, Misfit } from './decode.ts';

const PRIVATE = { mode: 0o600 };

/** Reads a JSON file of ours; `undefined` when it is not there, STORE_UNREADABLE when it is not what it should be. */
export async function readJson<T>(files: FileReader, path: string, decoder: Decoder<T>): Promise<T | undefined> {
  const bytes = await files.read(path);
  return bytes === undefined ? undefined : decodeJson(path, Buffer.from(bytes).toString('utf8'), decoder);
}

export function decodeJson<T>(path: string, text: string, decoder: Decoder<T>): T {
  try {
    return decoder(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof Misfit) throw fault('STORE_UNREADABLE', { path, because: thrown.message }, thrown);
    if (thrown instanceof SyntaxError) throw fault('STORE_UNREADABLE', { path, because: `it is not whole JSON (${thrown.message})` }, thrown);
    throw thrown;
  }
}

export async function writeJson(files: Files, path: string, value: object): Promise<void> {
  await files.write(path, `${JSON.stringify(value, undefined, 2)}\n`, PRIVATE);
}
