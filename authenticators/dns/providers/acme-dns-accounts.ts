import type { FileReader } from 'certkit/plugin';
import { privateText } from './private-file.ts';
import { invalidOption } from './provider-fault.ts';

/** What `POST /register` answers: one name of an acme-dns server, and who may set its values. */
export interface Account {
  readonly subdomain: string;
  readonly username: string;
  readonly password: string;
  /** The name that `_acme-challenge` is a CNAME to; the subdomain is its first label. */
  readonly fulldomain?: string | undefined;
}

/** Whether it sets the values at a name. */
export function isFor(account: Account, name: string): boolean {
  return account.fulldomain === undefined
    ? name.startsWith(`${account.subdomain.toLowerCase()}.`)
    : name === account.fulldomain.toLowerCase().replace(/\.$/, '');
}

/** What keeps an account from being used, by the name of its member; `undefined` where nothing does. */
export function faultOfAccount({ subdomain, username, password }: Account): { readonly member: string; readonly because: string } | undefined {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(subdomain)) return { member: 'subdomain', because: 'it is not one label of a name' };
  if (!/^[!-~]+$/.test(username)) return { member: 'username', because: 'it is not what /register answers' };
  if (!/^[!-~]+$/.test(password)) return { member: 'password', because: 'it is not what /register answers' };
  return undefined;
}

/**
 * Accounts from a file: an answer of `/register` as it is, a list of them, or an object of them by domain, as lego and other clients store them.
 *
 * @throws PLUGIN_OPTION_INVALID
 */
export async function readAccounts(path: string, files: FileReader): Promise<readonly Account[]> {
  const text = await privateText('acme-dns', 'accounts', path, files);
  const refuse = (because: string) =>
    invalidOption('acme-dns', 'accounts', `${path} ${because}`, 'It holds what POST /register answered, as it is, or several in a JSON list or object.');
  const content = parsed(text);
  if (content === undefined) throw refuse('is not JSON');
  const entries = isRecord(content) && !('subdomain' in content) ? Object.values(content) : [content].flat();
  const accounts = entries.map((entry, index) => {
    if (!isRecord(entry)) throw refuse(`has something else than an account (number ${index + 1})`);
    const member = (name: string) => (typeof entry[name] === 'string' ? entry[name] : '');
    const account = {
      subdomain: member('subdomain'),
      username: member('username'),
      password: member('password'),
      fulldomain: member('fulldomain') || undefined,
    };
    const fault = faultOfAccount(account);
    if (fault !== undefined) throw refuse(`has an account (number ${index + 1}) whose ${fault.member} cannot be used: ${fault.because}`);
    return account;
  });
  if (accounts.length === 0) throw refuse('has no account');
  return accounts;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says so
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
