import { dirname } from 'node:path';
import { isLoopbackHost } from '../core/model/loopback.ts';
import type { FileReader } from './contract.ts';

export { isLoopbackHost };

const MOST_BYTES = 65_536;
const OPEN_TO_OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000; // others may add to such a directory, and not replace what is there

/** The text of a file with secrets, or why it is not read and the way out. */
export type PrivateFile = { readonly text: string } | { readonly because: string; readonly hint: string };

/**
 * Reads a file with secrets: root's or our own, closed to everybody else, in directories that nobody else can change.
 * `because` is the end of a sentence about the file; its content is in no message.
 */
export async function readPrivateFile(path: string, files: FileReader): Promise<PrivateFile> {
  const facts = await files.facts(path, 'follow');
  if (facts === undefined) return { because: 'is not there', hint: `Create it for root alone, then write into it: install -m 600 /dev/null ${path}` };
  if (facts.type !== 'file') return { because: 'is no file', hint: 'Name the file itself.' };
  if (!isTrusted(facts.uid))
    return { because: `belongs to user ${facts.uid}`, hint: `It has to belong to root or to the user certkit runs as: chown root: ${path}` };
  if ((facts.mode & OPEN_TO_OTHERS) !== 0) return { because: `is open to others (mode ${octal(facts.mode)})`, hint: `chmod 600 ${path}` };
  const open = await whereOthersWrite(path, files);
  if (open !== undefined) {
    const hint = 'Keep it in a directory of root, such as /etc/certkit/secrets.';
    return { because: `can be replaced by others: they may write to ${open}`, hint };
  }
  if (facts.size > MOST_BYTES) return { because: 'is too large for what it should hold', hint: 'Name the file with the secrets.' };
  return { text: Buffer.from((await files.read(path)) ?? []).toString('utf8') };
}

/** The path itself or the first directory above it that somebody else owns or may write to, and so what it holds is not ours to trust. */
export async function whereOthersWrite(path: string, files: FileReader): Promise<string | undefined> {
  const real = (await files.realPath(path)) ?? path;
  for (let place = real; ; place = dirname(place)) {
    const facts = await files.facts(place);
    const isSticky = facts?.type === 'directory' && (facts.mode & STICKY) !== 0;
    if (facts === undefined || !isTrusted(facts.uid) || ((facts.mode & OTHERS_WRITE) !== 0 && !isSticky)) return place;
    if (place === '/') return undefined;
  }
}

/** Puts stars where a secret stands: as it is, in base64, or as an address carries it. Servers like to repeat what they refuse. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  const forms = secrets
    .flatMap((secret) => (secret === undefined || secret === '' ? [] : [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]))
    .sort((a, b) => b.length - a.length); // one may be part of another
  return forms.reduce((masked, form) => masked.replaceAll(form, '****'), text);
}

/** Root, or the user we run as. */
const isTrusted = (uid: number): boolean => [0, process.geteuid?.()].includes(uid);

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');
