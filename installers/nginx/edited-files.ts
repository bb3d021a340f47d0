import type { Refusal } from 'certkit/plugin';
import type { FileEdit } from './edits.ts';
import { managedBy, whyGenerated } from './generated.ts';
import { refuse } from './verdict.ts';

/** Files among the edited that a program will write again. */
export function generatedAmong(edits: readonly FileEdit[]): readonly Omit<Refusal, 'lineage'>[] {
  return filesOf(edits).flatMap((file) => {
    const generated = whyGenerated(file);
    if (generated === undefined) return [];
    const own = edits.filter((edit) => edit.file === file).map(({ part }) => part);
    const hint = own.includes(undefined) ? generated.hint : `Have it done there, and take the option ${own[0]} away.`;
    return [refuse('unsupported', `${file.path} is written by ${generated.by}, and an edit would be lost when it is written again`, hint).refusal];
  });
}

/** What to tell of files that configuration management looks after. */
export function managedAmong(edits: readonly FileEdit[]): readonly string[] {
  return filesOf(edits).flatMap((file) => {
    const tool = managedBy(file);
    return tool === undefined ? [] : [`${file.path} is managed by ${tool}: its next run may take the change back, unless it is made there too`];
  });
}

function filesOf(edits: readonly FileEdit[]): readonly FileEdit['file'][] {
  return [...new Set(edits.map(({ file }) => file))];
}
