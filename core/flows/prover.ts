import type { Assessment, ChallengeTask, Identifier, Receipt } from '../../plugins/contract.ts';
import type { PluginChoice } from '../model/lineage.ts';

/** An authenticator as flows use it, whether it publishes by itself or plans what core publishes through a server; or several, each for names of its own. */
export interface Prover {
  /** Which of the lineage's authenticators is for an identifier. */
  choiceFor(identifier: Identifier): PluginChoice;
  /** May the scheduler use it, with nobody watching? */
  readonly unattended: boolean;
  /** All lineages of a run that join are presented together, so many at a time as become ready. */
  readonly gathers: boolean;
  /** What stands for an identifier is in a journal entry of its own, and not in that of the renewal. */
  journalsApart(identifier: Identifier): boolean;
  assess(identifier: Identifier): Assessment;
  /** Sees, before a CA is asked for anything, that the identifiers could be proven now; throws why not. Touches nothing. */
  foresee(lineage: string, identifiers: readonly Identifier[], signal: AbortSignal): Promise<void>;
  /** One more lineage will present. It is waited for until it does, or leaves. */
  join(lineage: string): Membership;
  /** Publishes the proofs of a lineage's tasks, with those of others that are ready; one receipt for each, in order. */
  present(lineage: string, tasks: readonly ChallengeTask[], signal: AbortSignal): Promise<readonly Receipt[]>;
  /** Takes one proof away, perhaps in a later process. Twice is fine. */
  remove(task: ChallengeTask, receipt?: Receipt): Promise<void>;
}

export interface Membership {
  /** Nobody waits for this lineage any more. Twice is fine. */
  leave(): void;
}
