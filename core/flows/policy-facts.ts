import type { Trouble } from '../model/authority-state.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import type { WindowsOfLineage } from '../model/renewal-window.ts';
import { lifeOf, type Version } from '../model/version.ts';
import type { DeploymentFacts } from '../policy/deployment.ts';
import type { RenewalFacts } from '../policy/renewal.ts';
import { isEmergency } from '../policy/renewal-window.ts';
import { deployable, isOwed } from './target.ts';

/** What policy is told of a lineage, by what decides and by what explains alike. */
export interface Known {
  readonly lineage: Lineage;
  readonly state: LineageState;
  readonly newest?: Version | undefined;
  readonly live?: Version | undefined;
  readonly windows: WindowsOfLineage;
  readonly trouble?: Trouble | undefined;
}

export function renewalFacts(
  { lineage, state, newest, windows, trouble }: Known,
  asked: Pick<RenewalFacts, 'nowMs' | 'forced' | 'watched' | 'unfinished' | 'needsPerson'>,
): RenewalFacts {
  const caWindow = newest === undefined ? undefined : windows[newest.number]?.window;
  return {
    ...asked,
    wanted: lineage.identifiers,
    ...(newest === undefined ? {} : { held: { identifiers: newest.identifiers, life: lifeOf(newest) } }),
    policy: lineage.policy,
    ...(caWindow === undefined ? {} : { caWindow }),
    ...(state.renewal === undefined ? {} : { attempts: state.renewal }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(state.hold === undefined ? {} : { hold: state.hold }),
  };
}

export function deploymentFacts({ lineage, state, newest, live, windows }: Known, asked: Pick<DeploymentFacts, 'nowMs' | 'asked'>): DeploymentFacts {
  const window = live === undefined ? undefined : windows[live.number]?.window;
  return {
    ...asked,
    ...(newest === undefined ? {} : { newest: deployable(newest) }),
    ...(live === undefined ? {} : { live: deployable(live) }),
    rejected: state.rejected,
    owed: isOwed(lineage, state, live?.number),
    policy: lineage.policy,
    ...(state.deployment === undefined ? {} : { attempts: state.deployment }),
    ...(state.hold === undefined ? {} : { hold: state.hold }),
    ...(state.chosen === undefined ? {} : { chosen: state.chosen.version }),
    ...(window !== undefined && isEmergency(window) ? { emergency: 'window-moved' as const } : {}),
  };
}
