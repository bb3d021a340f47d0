import { applySplices } from 'certkit/confedit';
import type { ChangePlan, Survey } from 'certkit/plugin';
import { type TakeOutOptions, takeOut } from '../../../core/confedit/take-out.ts';
import { editsOf } from '../../../core/flows/change-set.ts';
import { recordAfter } from '../../../core/flows/written.ts';
import { type EditInFile, NOTHING_WRITTEN } from '../../../core/model/written.ts';
import type { NginxInstance } from '../../parts/nginx-instance.ts';

/** A plan's changes in the files of a server, and how core takes them out again. */
export interface WrittenPlan {
  /** Of all files that the plan edits. */
  readonly before: ReadonlyMap<string, string>;
  /** What the lineage has in them, or one part of that. */
  takeOut(lineage: string, part?: string): void;
  /** The same for text that nobody else writes, as an answer with its token. */
  takeOutAnswers(lineage: string): void;
}

export function writePlan(nginx: NginxInstance, plan: ChangePlan, survey: Survey): WrittenPlan {
  const changes = editsOf(plan, survey, 'nginx');
  const before = new Map(changes.map(({ path }) => [path, nginx.readFile(path)]));
  for (const { path, after } of changes) nginx.writeFile(path, new TextDecoder().decode(after));
  for (const { path, content, mode } of plan.files) nginx.writeFile(path, content.map((part) => ('text' in part ? part.text : '')).join(''), mode);
  const server = { key: survey.server.key, changes };
  const lineages = [...new Set(plan.splices.map(({ lineage }) => lineage))];
  const edits = new Map(lineages.map((lineage) => [lineage, recordAfter(NOTHING_WRITTEN, lineage, [server]).edits]));
  const takeOutOf = (lineage: string, options: Pick<TakeOutOptions<EditInFile>, 'isOver' | 'isOurs'>) => {
    const staying: EditInFile[] = [];
    for (const path of before.keys()) {
      const bytes = new TextEncoder().encode(nginx.readFile(path));
      const ofPath = (name: string) => (edits.get(name) ?? []).filter((edit) => edit.path === path);
      const others = lineages.filter((name) => name !== lineage).flatMap(ofPath);
      const { splices, stopped, standing } = takeOut(bytes, ofPath(lineage).reverse(), { ...options, others });
      if (stopped.length > 0) throw new Error(`${path}: ${stopped.length} edits cannot be taken out`);
      nginx.writeFile(path, new TextDecoder().decode(applySplices(bytes, splices as never)));
      staying.push(...ofPath(lineage).flatMap((edit) => standing.get(edit) ?? []));
    }
    edits.set(lineage, staying);
  };
  return {
    before,
    takeOut: (lineage, part) => takeOutOf(lineage, { isOver: (edit) => part === undefined || edit.part === part }),
    takeOutAnswers: (lineage) => takeOutOf(lineage, { isOurs: () => true }),
  };
}
