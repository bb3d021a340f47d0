import type { LineageRequest } from '../../plugins/contract.ts';
import { asCertkitError, fault } from '../errors.ts';
import { keyTypeOf, type Lineage } from '../model/lineage.ts';
import { editsOf, type FileChange } from './change-set.ts';
import type { Needs } from './needs.ts';
import { refusalFault, wordsOf } from './place.ts';

/** Sees, before a CA is asked for anything, that every installer finds its server sound and has a place for each name. Touches nothing. */
export async function preflight(lineage: Lineage, needs: Needs): Promise<readonly FileChange[]> {
  const request: LineageRequest = {
    lineage: lineage.name,
    identifiers: lineage.identifiers,
    ...(lineage.serve === undefined ? {} : { serve: lineage.serve }),
    pairs: needs.store.pairPaths(lineage.name, lineage.keys.map(keyTypeOf)),
    structure: 'may-change',
  };
  const changes = await Promise.all(
    lineage.installers.map(async (choice) => {
      const installer = await needs.plugins.installer(choice);
      const survey = await installer.survey(needs.signal);
      await installer.test(needs.signal).catch((thrown: unknown) => {
        const error = asCertkitError(thrown);
        throw error.code === 'INSTALLER_REJECTED' ? fault('INSTALLER_BROKEN_BEFORE', { server: survey.server.title, output: wordsOf(error) }, error) : error;
      });
      const plan = installer.plan({ lineages: [request], liveRoot: needs.store.liveRoot }, survey);
      const [refusal] = plan.refusals;
      if (refusal !== undefined) throw refusalFault(refusal);
      return editsOf(plan, survey, choice.plugin);
    }),
  );
  return changes.flat();
}
