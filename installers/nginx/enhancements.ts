import type { PlacedFile, Refusal } from 'certkit/plugin';
import type { FileEdit } from './edits.ts';
import type { Enhancement, EnhancementOptions, SecuredBlock } from './enhancements/enhancement.ts';
import { hsts } from './enhancements/hsts.ts';
import { redirect } from './enhancements/redirect.ts';
import { tlsProfile } from './enhancements/tls-profile.ts';
import type { NginxFacts } from './survey.ts';
import type { Wanted } from './verdict.ts';

export type { EnhancementOptions } from './enhancements/enhancement.ts';

/** What the wanted enhancements take at a lineage's blocks. */
export interface Enhanced {
  /** Tagged with their part. */
  readonly edits: readonly FileEdit[];
  readonly files: readonly Omit<PlacedFile, 'lineage'>[];
  /** All that are wanted: what a plan does not name is taken out. */
  readonly parts: readonly string[];
  readonly notes: readonly string[];
  readonly refusals: readonly Omit<Refusal, 'lineage'>[];
}

/** In this order: the statements of `hsts` are to be heard before a redirect answers. */
const ENHANCEMENTS: readonly Enhancement[] = [hsts, redirect, tlsProfile];

/** Plans what is missing, and no more; a run that nobody watches changes nothing and says what is missing. */
export function planEnhancements(blocks: readonly SecuredBlock[], wanted: Wanted, facts: NginxFacts, options: EnhancementOptions): Enhanced {
  const { lineage } = wanted;
  const keep = lineage.structure === 'keep';
  const edits: FileEdit[] = [];
  const files: Omit<PlacedFile, 'lineage'>[] = [];
  const parts: string[] = [];
  const notes: string[] = [];
  const refusals: Omit<Refusal, 'lineage'>[] = [];

  for (const { part, isWanted, find } of ENHANCEMENTS) {
    if (!isWanted(options)) continue;
    parts.push(part);
    for (const finding of find(blocks, wanted, facts, options)) {
      switch (finding.kind) {
        case 'in-force':
          if (finding.note !== undefined) notes.push(finding.note);
          if (!keep) files.push(...(finding.files ?? []).map((file) => ({ ...file, part })));
          break;
        case 'left-alone':
          notes.push(finding.note);
          break;
        case 'refused':
          if (keep) notes.push(finding.refusal.because);
          else refusals.push(finding.refusal);
          break;
        case 'missing':
          if (keep) notes.push(`${part} is not in place at ${finding.where}: run "certkit deploy ${lineage.lineage} --now" by hand to have it written`);
          else {
            edits.push(...finding.edits.map((edit) => ({ ...edit, part })));
            files.push(...(finding.files ?? []).map((file) => ({ ...file, part })));
            notes.push(...(finding.notes ?? []));
          }
      }
    }
  }
  return { edits, files: uniqueByPath(files), parts, notes, refusals };
}

function uniqueByPath<F extends { readonly path: string }>(files: readonly F[]): readonly F[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
