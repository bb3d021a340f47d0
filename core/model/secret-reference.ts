import type { Parsed } from './identifier.ts';

/** Where a secret is. A configuration says this in place of the secret. */
export type SecretReference =
  | { readonly kind: 'file' /** Absolute. */; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'credential'; readonly name: string };

const WAYS = '{file: /etc/certkit/secrets/NAME}, {env: NAME} or {credential: NAME}';
const VARIABLE = /^[a-z_][a-z0-9_]*$/i;
const CREDENTIAL = /^[a-z0-9_][a-z0-9_.@-]{0,254}$/i; // it is a file name, one path segment

/** Reads what stands in place of a secret. No answer repeats what was written: it may be the secret. */
export function parseSecretReference(value: unknown): Parsed<SecretReference> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, because: `a secret is not written here itself; put it into a file of mode 0600, as its one line, and write here where it is: ${WAYS}` };
  }
  const [[kind, where] = [], ...others] = Object.entries(value);
  if (kind === undefined || others.length > 0 || typeof where !== 'string') return { ok: false, because: `one of these is wanted: ${WAYS}` };
  switch (kind) {
    case 'file':
      if (!where.startsWith('/') || where.includes('\0')) return { ok: false, because: '"file" is not an absolute path (one that begins with "/")' };
      return { ok: true, value: { kind, path: where } };
    case 'env':
      return VARIABLE.test(where) ? { ok: true, value: { kind, name: where } } : { ok: false, because: '"env" is not the name of a variable' };
    case 'credential':
      return CREDENTIAL.test(where)
        ? { ok: true, value: { kind, name: where } }
        : { ok: false, because: '"credential" is not a name: letters, digits, ".", "_", "@" and "-", beginning with a letter, digit or "_"' };
    default:
      return { ok: false, because: `one of these is wanted: ${WAYS}` };
  }
}
