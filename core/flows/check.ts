import { FRESH_STATE } from '../model/lineage-state.ts';
import { lifeOf, type Version } from '../model/version.ts';
import { type Finding, findingsOf, type Limits, type LineageFacts } from '../policy/health.ts';
import { LATE_MS, OVERDUE_MS } from '../policy/punctuality.ts';
import type { LineageView } from '../store/store.ts';
import { type Inspection, inspect } from './inspect.ts';
import type { Needs } from './needs.ts';
import type { RunReport } from './run-report.ts';

/** Everything that monitoring asks, answered at this moment. */
export interface Health {
  readonly lineages: number;
  /** The most severe first. */
  readonly findings: readonly Finding[];
  /** Until the first certificate expires that is in use or shown by a server. */
  readonly leastLeftMs?: number;
  readonly runs: RunReport;
  /** Ages of the last run at which findings about it begin. */
  readonly runLimits: { readonly warningMs: number; readonly criticalMs: number };
}

/** Judges lineages, what servers serve for them, and whether runs come. Changes nothing. */
export async function check(views: readonly LineageView[], limits: Limits, runs: RunReport, needs: Needs): Promise<Health> {
  const nowMs = needs.clock.nowMs();
  const inspections = new Map((await inspect(views, needs)).map((inspection) => [inspection.name, inspection]));
  const subjects = views.map((view) => ({ nowMs, limits, ...factsOf(view, inspections.get(view.name)) }));
  const ends = subjects.flatMap(({ live, pending, seen }) => [(live ?? pending)?.life.notAfterMs, ...seen.map(({ notAfterMs }) => notAfterMs)]);
  const known = ends.filter((end) => end !== undefined);
  const findings = [...subjects.flatMap(findingsOf), ...findingsOfRuns(runs)];
  return {
    lineages: views.length,
    findings: [...findings.filter(({ severity }) => severity === 'critical'), ...findings.filter(({ severity }) => severity === 'warning')],
    ...(known.length === 0 ? {} : { leastLeftMs: known.reduce((least, end) => Math.min(least, end)) - nowMs }),
    runs,
    runLimits: { warningMs: LATE_MS, criticalMs: OVERDUE_MS },
  };
}

function factsOf(view: LineageView, inspection: Inspection | undefined): Omit<LineageFacts, 'nowMs' | 'limits'> {
  const { name, live, newest } = view;
  const versions = {
    ...(live === undefined ? {} : { live: known(live) }),
    ...(newest === undefined || newest.number === live?.number ? {} : { pending: known(newest) }),
  };
  if (!view.readable) return { name, ...versions, unreadable: view.fault.message, policy: {}, state: FRESH_STATE, owed: false, seen: [] };
  if (inspection?.readable !== true) return { name, ...versions, policy: view.lineage.policy, state: view.state, owed: false, seen: [] };
  const { served, owed, renewal, misconfigured, revocations } = inspection;
  const revoked = revocations.flatMap(({ version, answer }) => (answer?.status === 'revoked' ? [version] : []));
  return {
    name,
    ...versions,
    policy: view.lineage.policy,
    state: view.state,
    owed,
    revoked: [...new Set(revoked)],
    ...(misconfigured === undefined ? {} : { misconfigured: misconfigured.message }),
    ...waitOf(renewal.reason),
    seen: served.map(({ name: host, at, ...sighting }) => ({ place: `${host} at ${at}`, ...sighting })),
  };
}

function waitOf(reason: string): Pick<LineageFacts, 'waitsFor'> {
  if (reason === 'needs-person') return { waitsFor: 'person' };
  return reason === 'ca-resting' ? { waitsFor: 'ca' } : {};
}

const known = (version: Version) => ({ number: version.number, life: lifeOf(version) });

function findingsOfRuns({ lastRun, punctuality }: RunReport): readonly Finding[] {
  const seeSchedule = '"certkit schedule status" shows what starts them';
  switch (punctuality) {
    case 'never':
      return [{ severity: 'warning', text: `no unattended run has been seen since the schedule was installed; ${seeSchedule}` }];
    case 'late':
      return [{ severity: 'warning', text: `no unattended run for more than a day; ${seeSchedule}` }];
    case 'overdue':
      return [{ severity: 'critical', text: `no unattended run for days, so nothing is renewed; ${seeSchedule}` }];
    case 'on-time':
      return lastRun?.error === undefined ? [] : [{ severity: 'warning', text: `the last unattended run failed as a whole (${lastRun.error})` }];
    case 'not-expected':
      return [];
  }
}
