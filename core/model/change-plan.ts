import type { KeyType } from './lineage.ts';
import type { Endpoint } from './site.ts';

/** A change of bytes in a file that was surveyed. Offsets and lengths are bytes of the surveyed file. */
export interface PlannedSplice {
  readonly file: string;
  /** SHA-256 of the whole file as surveyed; the splice is void if the file has another one by now. */
  readonly sha256: string;
  readonly offset: number;
  readonly delete: number;
  /** UTF-8 text. */
  readonly insert: string;
  readonly lineage: string;
  /** What of the lineage's change this is, where it can be taken out by itself: `redirect`. Absent: the certificate's own. */
  readonly part?: string;
}

/** A piece of a placed file: text, or a PEM file of the version being deployed (so that a plan never holds a key). */
export type ContentPart = { readonly text: string } | { readonly pem: 'certificate' | 'chain' | 'fullchain' | 'key'; readonly keyType?: KeyType };

/** A whole file to place. One that has these bytes and this mode already is left alone; several lineages may place the same. */
export interface PlacedFile {
  readonly path: string;
  readonly content: readonly ContentPart[];
  readonly mode: number;
  readonly owner?: string;
  readonly group?: string;
  readonly lineage: string;
  /** As of a splice. A file that is a part goes when the last lineage that placed it takes the part out. */
  readonly part?: string;
}

/** A program to run as part of the change, and the one that takes it back. Argument vectors; no shell. */
export interface PlannedCommand {
  readonly run: readonly string[];
  readonly undo?: readonly string[];
  readonly lineage: string;
}

/** A name that this server will serve with the lineage's certificate, and where. Core probes each. */
export interface Serving {
  readonly lineage: string;
  /** The identifier's value; a wildcard is probed with a name below it. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** This very plan adds the listen: there is no baseline, and its address must be free. */
  readonly added: boolean;
}

/** Why a lineage cannot be deployed here, while others can. */
export interface Refusal {
  readonly lineage: string;
  /**
   * `no-site`: a name has no place on this server. `held`: another lineage is installed there. `drift`: only a change
   * of structure would do, and that needs a person. `unsupported`: left alone for the reason given. `unreadable`: a fault hides the site.
   */
  readonly kind: 'no-site' | 'held' | 'drift' | 'unsupported' | 'unreadable';
  readonly because: string;
  readonly hint: string;
}

export interface Note {
  readonly lineage: string;
  readonly text: string;
}

/** What would deploy, as data: shown, tested, applied and undone by core. Empty lists mean that nothing has to change. */
export interface ChangePlan {
  readonly splices: readonly PlannedSplice[];
  readonly files: readonly PlacedFile[];
  readonly commands: readonly PlannedCommand[];
  readonly serves: readonly Serving[];
  readonly refusals: readonly Refusal[];
  readonly notes: readonly Note[];
  /** Parts that are to be in force, whether this plan adds them or they are there. A part that core once wrote and that is not named here is taken out. */
  readonly parts?: readonly { readonly lineage: string; readonly part: string }[];
}
