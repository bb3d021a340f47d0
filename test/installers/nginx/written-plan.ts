import { applySplices } from 'certkit/confedit';
import type { ChangePlan, Survey } from 'certkit/plugin';
import { takeOut } from '../../../core/confedit/take-out.ts';
import { editsOf } from '../../../core/flows/change-set.ts';
import { recordAfter } from '../../../core/flows/written.ts';
import { NOTHING_WRITTEN } from '../../../core/model/written.ts';
import type { NginxInstance } from '../../parts/nginx-instance.ts';

/** A plan's changes in the files of a server, and how core takes them out again. */
export interface WrittenPlan {
  /** Of all files that the plan edits. */
  readonly before: ReadonlyMap<string, string>;
  /** What the lineage has in them, or one part of that. */
  takeOut(lineage: string, part?: string): void;
}

export function writePlan(nginx: NginxInstance, plan: ChangePlan, survey: Survey): WrittenPlan {
  const changes = editsOf(plan, survey, 'nginx');
  const before = new Map(changes.map(({ path }) => [path, nginx.readFile(path)]));
  for (const { path, after } of changes) nginx.writeFile(path, new TextDecoder().decode(after));
  for (const { path, content, mode } of plan.files) nginx.writeFile(path, content.map((part) => ('text' in part ? part.text : '')).join(''), mode);
  return {
    before,
    takeOut(lineage, part) {
      const edits = recordAfter(NOTHING_WRITTEN, lineage, [{ key: survey.server.key, changes }]).edits.filter(
        (edit) => part === undefined || edit.part === part,
      );
      for (const path of before.keys()) {
        const bytes = new TextEncoder().encode(nginx.readFile(path));
        const { splices, stopped } = takeOut(bytes, edits.filter((edit) => edit.path === path).reverse());
        if (stopped.length > 0) throw new Error(`${path}: ${stopped.length} edits cannot be taken out`);
        nginx.writeFile(path, new TextDecoder().decode(applySplices(bytes, splices as never)));
      }
    },
  };
}
