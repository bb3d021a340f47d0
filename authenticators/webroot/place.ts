import { join } from 'node:path/posix';
import type { Receipt, ServedPath } from 'certkit/plugin';

/** Where a proof is: a file at `path` below the directory `root`. */
export interface Place {
  readonly root: string;
  readonly path: string;
}

const PROOF_DIR = '.well-known/acme-challenge'; // RFC 8555 section 8.3

/** Below the root of a site. */
export function placeBelow(root: string, token: string): Place {
  return { root, path: `${PROOF_DIR}/${token}` };
}

/** In the directory that a server serves as that of the proofs. */
export function placeServed({ root, path }: ServedPath, token: string): Place {
  return { root, path: join(path, token) };
}

/** Where an earlier process put it, whatever the options said then; `undefined` when the receipt does not say for this token. */
export function placeInReceipt(receipt: Receipt | undefined, token: string): Place | undefined {
  const { root, path } = receipt ?? {};
  if (typeof root !== 'string' || typeof path !== 'string') return undefined;
  return root.startsWith('/') && path.split('/').at(-1) === token ? { root, path } : undefined;
}
