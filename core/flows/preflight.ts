import type { LineageRequest } from '../../plugins/contract.ts';
import { asCertkitError, fault } from '../errors.ts';
import { keyTypeOf, type Lineage } from '../model/lineage.ts';
import { hasHooks } from './call-hooks.ts';
import { editsOf, type FileChange } from './change-set.ts';
import type { Needs } from './needs.ts';
import { brokenBefore, type Looked, refusalFault } from './place.ts';
import { proverOf } from './prover-of.ts';
import { slotOf } from './target.ts';

export interface Preflight {
  /** The edits that a deployment would make, as far as they can be known without a certificate. */
  readonly changes: readonly FileChange[];
  /** By slot: the servers as they were found. */
  readonly looked: ReadonlyMap<string, Looked>;
}

/**
 * Sees, before a CA is asked for anything, that every installer finds its server sound and has a place for each name. Touches nothing.
 *
 * @param willProve - names are to be proven, now or by a renewal that nobody watches
 */
export async function preflight(lineage: Lineage, willProve: boolean, needs: Needs): Promise<Preflight> {
  const request: LineageRequest = {
    lineage: lineage.name,
    identifiers: lineage.identifiers,
    ...(lineage.serve === undefined ? {} : { serve: lineage.serve }),
    pairs: needs.store.pairPaths(lineage.name, lineage.keys.map(keyTypeOf)),
    structure: 'may-change',
  };
  const prover = await proverOf(lineage.authenticators, needs);
  for (const identifier of lineage.identifiers) {
    const assessment = prover.assess(identifier);
    if (!assessment.able) throw fault('PLUGIN_UNABLE', { plugin: prover.choiceFor(identifier).plugin, name: identifier.value, because: assessment.because });
  }
  // A pre hook may clear what would be in the way now.
  if (willProve && !(await hasHooks('pre', [lineage], needs))) await prover.foresee(lineage.name, lineage.identifiers, needs.signal);
  const servers = await Promise.all(
    lineage.installers.map(async (choice) => {
      const looked = await look(await needs.plugins.installer(choice), needs);
      const { installer, survey } = looked;
      needs.tell({ type: 'surveyed', server: survey.server.title, lineages: [lineage.name] });
      const plan = installer.plan({ lineages: [request], liveRoot: needs.store.liveRoot }, survey);
      const [refusal] = plan.refusals;
      if (refusal !== undefined) throw refusalFault(refusal);
      return { slot: slotOf(choice), looked, changes: editsOf(plan, survey, choice.plugin) };
    }),
  );
  const looked = new Map(servers.map(({ slot, looked }) => [slot, looked]));
  if (willProve) await needs.servedPaths.find({ prover, ...lineage, looked });
  return { changes: servers.flatMap(({ changes }) => changes), looked };
}

async function look(installer: Looked['installer'], { signal, clock }: Needs): Promise<Looked> {
  const survey = await installer.survey(signal);
  if (survey.testedInMs !== undefined) return { installer, survey, testedInMs: survey.testedInMs };
  const startedMs = clock.nowMs();
  await installer.test(signal).catch((thrown: unknown) => {
    throw brokenBefore(asCertkitError(thrown), survey.server);
  });
  return { installer, survey, testedInMs: clock.nowMs() - startedMs };
}
