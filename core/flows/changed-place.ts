import type { ChangePlan } from '../../plugins/contract.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Survey } from '../model/site.ts';
import type { FileChange } from './change-set.ts';
import type { ChoiceKind } from './needs.ts';

/** One server of a change, whoever plans for it. */
export interface ChangedPlace {
  readonly key: string;
  readonly title: string;
  readonly choice: PluginChoice;
  /** Absent: an installer's. */
  readonly pluginKind?: ChoiceKind;
  readonly survey: Survey;
  readonly plan: Pick<ChangePlan, 'commands'> & Partial<Pick<ChangePlan, 'files'>>;
  readonly changes: readonly FileChange[];
}
