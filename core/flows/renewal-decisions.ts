import type { CertkitError } from '../errors.ts';
import type { Trouble } from '../model/authority-state.ts';
import type { Lineage } from '../model/lineage.ts';
import { lifeOf } from '../model/version.ts';
import { decideRenewal, type RenewalDecision } from '../policy/renewal.ts';
import { type Applicant, decideTurns, type Limits } from '../policy/turns.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import { renewalId } from './obtain.ts';
import { type Known, renewalFacts } from './policy-facts.ts';

export type Readable = Extract<LineageView, { readable: true }>;

export interface RenewOptions {
  /** Renew whatever the calendar says. */
  readonly force: boolean;
  /** With a key of its own, whatever `reuse_key` says. */
  readonly newKey?: boolean;
  /** Lineages that are ordered for at most; for unattended runs `max_issues` when absent. */
  readonly maxIssues?: number;
  /** By lineage: why it is not renewed although it is due. */
  readonly stopped?: ReadonlyMap<string, CertkitError>;
}

export interface Decided {
  readonly view: Readable;
  readonly decision: RenewalDecision;
  /** Of the lineage's CA. */
  readonly trouble: Trouble | undefined;
}

/** Decides each lineage by itself, and who of those that are due may order in this run. */
export async function decideAll(views: readonly Readable[], options: Pick<RenewOptions, 'force' | 'maxIssues'>, needs: Needs): Promise<readonly Decided[]> {
  const authorities = await needs.store.authorities();
  const decided = await Promise.all(
    views.map(async (view): Promise<Decided> => {
      const trouble = authorities[view.lineage.authority.directory]?.trouble;
      return { view, trouble, decision: await decideOne({ ...view, trouble }, options, needs) };
    }),
  );
  const due = decided.filter(({ decision }) => decision.due);
  if (due.length === 0) return decided; // the settings are not read for nothing

  const placed = new Map(Object.entries(authorities).map(([directory, { orders = [] }]) => [directory, orders]));
  const waits = decideTurns(
    due.map(({ view }) => applicantOf(view)),
    await limitsOf(options, needs),
    placed,
    needs.clock.nowMs(),
  );
  return decided.map((one) => {
    const wait = waits.get(one.view.name);
    return wait === undefined ? one : { ...one, decision: { due: false, ...wait } };
  });
}

/** Whether the lineage is due. Its authenticator is looked at only where that decides. */
export async function decideOne(known: Known, options: Pick<RenewOptions, 'force'>, needs: Needs): Promise<RenewalDecision> {
  const { clock, unfinished, watched } = needs;
  const asked = { nowMs: clock.nowMs(), unfinished: unfinished.has(renewalId(known.lineage.name)), forced: options.force, watched };
  const decision = decideRenewal(renewalFacts(known, asked));
  if (!decision.due || watched) return decision;
  const needsPerson = await asksPerson(known.lineage, needs);
  return needsPerson === undefined ? decision : decideRenewal(renewalFacts(known, { ...asked, needsPerson }));
}

/** Whether the authenticator needs somebody there; `undefined` for a plugin that cannot be had, which is the renewal's own error. */
export async function asksPerson({ authenticator }: Lineage, { plugins }: Pick<Needs, 'plugins'>): Promise<boolean | undefined> {
  const prover = await plugins.authenticator(authenticator).catch(() => undefined);
  return prover === undefined ? undefined : !prover.unattended;
}

export function applicantOf({ name, lineage, newest }: Readable): Applicant {
  const expiry = newest === undefined ? {} : { expiresAtMs: lifeOf(newest).notAfterMs };
  return { name, ca: lineage.authority.directory, orders: lineage.keys.length, ...expiry };
}

/** How many lineages may be ordered for in this run; `undefined` where that is not limited. */
export async function issuesAllowed({ maxIssues }: Pick<RenewOptions, 'maxIssues'>, { store, watched }: Needs): Promise<number | undefined> {
  return maxIssues ?? (watched ? undefined : (await store.settings()).maxIssues);
}

/** What a person asks for is not held up by limits for the scheduler. */
async function limitsOf(options: Pick<RenewOptions, 'force' | 'maxIssues'>, needs: Needs): Promise<Limits> {
  const maxIssues = await issuesAllowed(options, needs);
  const ordersPerHour = needs.watched && options.force ? undefined : (await needs.store.settings()).ordersPerHour;
  return { ...(maxIssues === undefined ? {} : { maxIssues }), ...(ordersPerHour === undefined ? {} : { ordersPerHour }) };
}
