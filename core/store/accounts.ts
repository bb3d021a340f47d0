import { join } from 'node:path';
import type { Authority } from '../model/lineage.ts';
import type { Clock, Files } from '../ports.ts';
import { exactly, finite, flag, members, optional, text } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const decodeAccount = members(
  { format: exactly(FORMAT), directory: text, email: optional(text), url: optional(text), termsAgreed: optional(flag), savedAtMs: finite },
  'ignored',
);

/** Who we are at a CA. */
export interface Account {
  readonly keyPem: string;
  /** Absent until the CA has registered the key (RFC 8555 section 7.3). */
  readonly url?: string;
  /** A person agreed to the CA's terms of service, whether or not the CA has heard of it yet. */
  readonly termsAgreed?: boolean;
}

export interface Accounts {
  account(authority: Pick<Authority, 'directory'>): Promise<Account | undefined>;
  /**
   * First with the key alone, before the CA is asked; then with the URL it gave. A crash in between loses nothing:
   * the CA answers a known key with the account it has.
   */
  saveAccount(authority: Authority, account: Account): Promise<void>;
}

export function createAccounts(layout: Layout, files: Files, clock: Clock): Accounts {
  return {
    async account({ directory }) {
      const folder = layout.account(directory);
      const key = await files.read(join(folder, 'key.pem'));
      if (key === undefined) return undefined;
      const known = await readJson(files, join(folder, 'account.json'), decodeAccount);
      return {
        keyPem: Buffer.from(key).toString('utf8'),
        ...(known?.url !== undefined && { url: known.url }),
        ...(known?.termsAgreed !== undefined && { termsAgreed: known.termsAgreed }),
      };
    },

    async saveAccount({ directory, email }, { keyPem, url, termsAgreed }) {
      const folder = layout.account(directory);
      const keyPath = join(folder, 'key.pem');
      await files.makeDirectory(folder, 0o700);
      const held = await files.read(keyPath);
      // A URL belongs to its key: another key takes the old URL away before it takes the key's place.
      if (held !== undefined && Buffer.from(held).toString('utf8') !== keyPem) await files.remove(join(folder, 'account.json'));
      await files.write(keyPath, keyPem, { mode: 0o600 });
      await writeJson(files, join(folder, 'account.json'), { format: FORMAT, directory, email, url, termsAgreed, savedAtMs: clock.nowMs() });
    },
  };
}
