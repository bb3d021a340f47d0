import type { HttpServer } from 'certkit/confedit/nginx';
import type { PlacedFile, Refusal } from 'certkit/plugin';
import type { FileEdit } from '../edits.ts';
import type { NginxFacts } from '../survey.ts';
import type { Wanted } from '../verdict.ts';

/** What of the installer's options is about more than the certificate. */
export interface EnhancementOptions {
  readonly redirect: boolean;
  /** In seconds. */
  readonly hsts: number | undefined;
  readonly tlsProfile: 'modern' | 'intermediate' | undefined;
  /** Where a block that is plain now gets its TLS. */
  readonly tlsPort: number;
}

/** A block that speaks TLS with the lineage's certificate, or will once the plan is applied. */
export interface SecuredBlock {
  readonly server: HttpServer;
  /** Of the lineage, that it answers. */
  readonly names: readonly string[];
  readonly becomesTls: boolean;
}

/** A file to place, not yet tagged with whose it is. */
export type OwnFile = Omit<PlacedFile, 'lineage' | 'part'>;

/** What an enhancement finds at one place. */
export type Finding =
  /** It does there what it is for. A note where somebody saw to that in another way. */
  | { readonly kind: 'in-force'; readonly note?: string; readonly files?: readonly OwnFile[] }
  /** These edits would bring it. */
  | {
      readonly kind: 'missing';
      readonly where: string;
      readonly edits: readonly FileEdit[];
      readonly files?: readonly OwnFile[];
      readonly notes?: readonly string[];
    }
  /** It is not for certkit to bring it there, and does no harm to go without. */
  | { readonly kind: 'left-alone'; readonly note: string }
  | { readonly kind: 'refused'; readonly refusal: Omit<Refusal, 'lineage'> };

/** One thing that a site can have beside its certificate, and that can be taken out again by itself. */
export interface Enhancement {
  /** What splices and files are tagged with, and what a person calls it. */
  readonly part: string;
  readonly isWanted: (options: EnhancementOptions) => boolean;
  readonly find: (blocks: readonly SecuredBlock[], wanted: Wanted, facts: NginxFacts, options: EnhancementOptions) => readonly Finding[];
}

export function refused(because: string, hint: string): Finding {
  return { kind: 'refused', refusal: { kind: 'unsupported', because, hint } };
}
