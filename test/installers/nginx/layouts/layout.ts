import type { KeyType } from '../../../../core/model/lineage.ts';
import type { Ground } from './ground.ts';

/** `stock`: Debian's program. `source`: compiled for a prefix of its own. `recent`: the same, of a release that has `http2 on;`. */
export type Build = 'stock' | 'source' | 'recent';

export interface Link {
  readonly link: string;
}

/** A file whose mode or owner matters. */
export interface Kept {
  readonly text: string;
  readonly mode: number;
  readonly uid?: number;
}

export type Files = Readonly<Record<string, string | Uint8Array | Link | Kept>>;

export interface Certificate {
  readonly names: readonly string[];
  /** ECDSA alone when not given. */
  readonly keys?: readonly KeyType[];
}

/** A name, and where a client connects: `127.0.0.1:8443`, `[::1]:8443`, `unix:/run/x.sock`; after `proxy` where a PROXY header goes first. */
export type Place = readonly [name: string, address: string];

/** A server as an administrator has it, the certificates to install, and what must come of it. */
export interface Layout {
  readonly title: string;
  /** `source` when not given. */
  readonly build?: Build;
  /** What stands in the http block of the main file. */
  readonly http?: (at: Ground) => string;
  /** More files, or all: by path below the directory of the configuration; one that begins with a slash is below the root. */
  readonly files?: (at: Ground) => Files;
  /** A main file that another master of the same program runs with. */
  readonly second?: (at: Ground) => string;
  /** A port that it cannot choose, because no configuration says it. */
  readonly needsPort?: number;
  readonly certificates: readonly Certificate[];
  /** Of the installer; its program and the port for TLS when not given. */
  readonly options?: (at: Ground) => Readonly<Record<string, unknown>>;
  /** Names that are none of ours, and must be answered as before. */
  readonly others?: (at: Ground) => readonly Place[];
  readonly expect: Installed | Refused;
}

export interface Installed {
  /** Where each name is answered with its certificate, for each of its key types. */
  readonly served: (at: Ground) => readonly Place[];
  /** The protocol that a client with ALPN gets there. */
  readonly protocol?: 'h2' | 'none';
  /** Key types of pairs that were there and stay. */
  readonly stays?: readonly KeyType[];
}

export interface Refused {
  readonly code: string;
  readonly says: RegExp;
}

export const linkTo = (link: string): Link => ({ link });

/** Every name at every address. */
export const each = (names: readonly string[], ...addresses: readonly string[]): readonly Place[] =>
  names.flatMap((name) => addresses.map((address): Place => [name, address]));
