import type { CertkitError } from '../errors.ts';
import type { Trouble } from '../model/authority-state.ts';
import type { Lineage } from '../model/lineage.ts';
import { lifeOf } from '../model/version.ts';
import { decideRenewal, type RenewalDecision } from '../policy/renewal.ts';
import { ifPast } from '../policy/retry.ts';
import { type Applicant, chooseProbe, decideTurns, type Limits } from '../policy/turns.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';
import { renewalId } from './obtain.ts';
import { type Known, renewalFacts } from './policy-facts.ts';
import { proverOf } from './prover-of.ts';

export type Readable = Extract<LineageView, { readable: true }>;

export interface RenewOptions {
  /** Renew whatever the calendar says. */
  readonly force: boolean;
  /** What has to wait is an error; as `force` says when absent. */
  readonly must?: boolean;
  /** With a key of its own, whatever `reuse_key` says. */
  readonly newKey?: boolean;
  /** Lineages that are ordered for at most; for unattended runs `max_issues` when absent. */
  readonly maxIssues?: number;
  /** It is tried to see whether its CA is in order again. */
  readonly probes?: boolean;
  /** By lineage: why it is not renewed although it is due. */
  readonly stopped?: ReadonlyMap<string, CertkitError>;
}

export interface Decided {
  readonly view: Readable;
  readonly decision: RenewalDecision;
  /** Of the lineage's CA. */
  readonly trouble: Trouble | undefined;
  /** It is the one that is tried first, to see whether the CA is in order again. */
  readonly probes: boolean;
}

/** Decides each lineage by itself, and who of those that are due may order in this run. */
export async function decideAll(views: readonly Readable[], options: Pick<RenewOptions, 'force' | 'maxIssues'>, needs: Needs): Promise<readonly Decided[]> {
  const authorities = await needs.store.authorities();
  const nowMs = needs.clock.nowMs();
  const alone = await Promise.all(
    views.map(async (view): Promise<Decided> => {
      const trouble = ifPast(authorities[view.lineage.authority.directory]?.trouble, nowMs);
      return { view, trouble, probes: false, decision: await decideOne({ ...view, trouble }, options, needs) };
    }),
  );
  if (!alone.some(({ decision }) => decision.due)) return alone; // the settings are not read for nothing
  const decided = await withProbes(alone, options, needs);
  const due = decided.filter((one) => one.decision.due && (one.trouble === undefined || one.probes));

  const placed = new Map(Object.entries(authorities).map(([directory, { orders = [] }]) => [directory, orders]));
  const waits = decideTurns(
    due.map(({ view }) => applicantOf(view, nowMs)),
    await limitsOf(options, needs),
    placed,
    nowMs,
  );
  const probeOf = new Map(decided.flatMap((one) => (one.probes ? [[caOf(one), one.view.name]] : [])));
  return decided.map((one) => {
    // Who would follow the one that probes waits with it.
    const wait = waits.get((isDueAtTroubled(one) ? probeOf.get(caOf(one)) : undefined) ?? one.view.name);
    return wait === undefined ? one : { ...one, probes: false, decision: { due: false, ...wait } };
  });
}

const caOf = ({ view }: Decided) => view.lineage.authority.directory;
const isDueAtTroubled = ({ decision, trouble }: Decided) => decision.due && trouble !== undefined;

/**
 * Chooses who tries each CA that has failed and whose rest is over for one of its lineages at least. Those for whom it is not may
 * be chosen, too: else one that fails for a reason of its own, and rests for less long, would keep the others from ever trying.
 */
async function withProbes(decided: readonly Decided[], options: Pick<RenewOptions, 'force'>, needs: Needs): Promise<readonly Decided[]> {
  const nowMs = needs.clock.nowMs();
  const troubled = decided.filter(({ trouble }) => trouble !== undefined);
  const probes = new Map<string, Decided>();
  for (const ca of new Set(troubled.filter(({ decision }) => decision.due).map(caOf))) {
    const own = troubled.filter((one) => caOf(one) === ca);
    const able = await Promise.all(
      own.map(async (one) =>
        one.decision.reason === 'ca-resting' ? { ...one, decision: await decideOne({ ...one.view, trouble: undefined }, options, needs) } : one,
      ),
    );
    const chosen = chooseProbe(able.filter(({ decision }) => decision.due).map((one) => ({ ...applicantOf(one.view, nowMs), one })));
    if (chosen !== undefined) probes.set(chosen.name, { ...chosen.one, probes: true });
  }
  return decided.map((one) => probes.get(one.view.name) ?? one);
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
export async function asksPerson({ authenticators }: Lineage, needs: Pick<Needs, 'plugins'>): Promise<boolean | undefined> {
  const prover = await proverOf(authenticators, needs).catch(() => undefined);
  return prover === undefined ? undefined : !prover.unattended;
}

export function applicantOf({ name, lineage, newest, state }: Readable, nowMs: number): Applicant {
  const expiry = newest === undefined ? {} : { expiresAtMs: lifeOf(newest).notAfterMs };
  const attempts = ifPast(state.renewal, nowMs);
  const failure = attempts === undefined ? {} : { failedAtMs: attempts.lastAtMs };
  return { name, ca: lineage.authority.directory, orders: lineage.keys.length, ...expiry, ...failure };
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
