import type { FileReader } from 'certkit/plugin';
import { undelivered } from './undelivered.ts';

/** The certificates a private server's chain may end in, instead of those that come with Node. */
export async function readTrustedCa(plugin: string, path: string, files: FileReader): Promise<string> {
  const bytes = await files.read(path);
  const pem = bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
  if (pem?.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw undelivered(plugin, `${path} ${pem === undefined ? 'is not there' : 'holds no certificate in PEM'}`, `It is what "ca-bundle" of ${plugin} names.`);
}
