import { join } from 'node:path';
import type { FileReader } from 'certkit/plugin';

const SAVED = /^SAVED_\w+='(.*)'$/gm;
const IN_BASE64 = /^__ACME_BASE64__START_(.*)__ACME_BASE64__END_$/;

/** The values that acme.sh has saved for its scripts in account.conf: to keep them out of messages, and for nothing else. */
export async function savedValues(home: string, files: FileReader): Promise<readonly string[]> {
  const text = Buffer.from((await files.read(join(home, 'account.conf'))) ?? []).toString('utf8');
  return [...text.matchAll(SAVED)].map(([, value = '']) => {
    const encoded = IN_BASE64.exec(value)?.[1];
    return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
  });
}
