import type { FileReader } from 'certkit/plugin';
import { isDnsName } from './presentation.ts';
import { privateText } from './private-file.ts';
import { invalidOption } from './provider-fault.ts';

/** Signs updates (RFC 8945). */
export interface TsigKey {
  readonly name: string;
  readonly algorithm: string;
  /** In base64. */
  readonly secret: string;
}

/** Those that nsupdate knows (RFC 8945 section 6). */
export const TSIG_ALGORITHMS: readonly string[] = ['hmac-sha256', 'hmac-sha512', 'hmac-sha384', 'hmac-sha224', 'hmac-sha1', 'hmac-md5'];

const BASE64 = /^(?=.{4})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const KEY_BLOCK = /\bkey\s+"?([^"\s{};]+)"?\s*\{([^}]*)\}/g;

/** The key when it is plain enough for a line of nsupdate; else which part is not, by the name of its option, and why. */
export function faultOfKey({ name, algorithm, secret }: TsigKey): { readonly option: string; readonly because: string } | undefined {
  if (!isDnsName(name)) return { option: 'key-name', because: 'it is not the name of a key' };
  if (!TSIG_ALGORITHMS.includes(algorithm)) return { option: 'algorithm', because: `it is none of ${TSIG_ALGORITHMS.join(', ')}` };
  if (!BASE64.test(secret)) return { option: 'secret', because: 'it is not base64' };
  return undefined;
}

/**
 * The one key of a file as tsig-keygen and rndc-confgen write it: `key "name" { algorithm hmac-sha256; secret "..."; };`
 *
 * @throws PLUGIN_OPTION_INVALID
 */
export async function readKeyFile(provider: string, path: string, files: FileReader): Promise<TsigKey> {
  const text = (await privateText(provider, 'key-file', path, files)).replace(/\/\*[\s\S]*?\*\/|(?:\/\/|#).*$/gm, '');
  const refuse = (because: string) =>
    invalidOption(
      provider,
      'key-file',
      `${path} ${because}`,
      'It is to hold one key, as "tsig-keygen NAME" prints it: key "NAME" { algorithm hmac-sha256; secret "..."; };',
    );

  const blocks = [...text.matchAll(KEY_BLOCK)];
  if (blocks.length !== 1) throw refuse(blocks.length === 0 ? 'has no key' : 'has more than one key');
  const [, name = '', body = ''] = blocks[0] ?? [];
  const wordOf = (statement: string) => new RegExp(`\\b${statement}\\s+"?([^"\\s;]+)"?\\s*;`).exec(body)?.[1] ?? '';
  const key = { name: name.replace(/\.$/, ''), algorithm: wordOf('algorithm').toLowerCase().replace(/\.$/, ''), secret: wordOf('secret') };
  const fault = faultOfKey(key);
  if (fault !== undefined) throw refuse(`has a key whose ${fault.option.replace('key-', '')} cannot be used: ${fault.because}`);
  return key;
}
