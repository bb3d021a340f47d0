import type { Trouble } from '../model/authority-state.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import type { RenewalWindow, WindowsOfLineage } from '../model/renewal-window.ts';
import { askedOf, type Revocations, revocationOf } from '../model/revocation.ts';
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
  readonly revocations: Revocations;
  readonly trouble?: Trouble | undefined;
}

export function renewalFacts(known: Known, asked: Pick<RenewalFacts, 'nowMs' | 'forced' | 'watched' | 'unfinished' | 'needsPerson'>): RenewalFacts {
  const { lineage, state, newest, windows, trouble } = known;
  const caWindow = newest === undefined ? undefined : windows[newest.number]?.window;
  return {
    ...asked,
    wanted: lineage.identifiers,
    ...(newest === undefined ? {} : { held: { identifiers: newest.identifiers, life: lifeOf(newest) } }),
    policy: lineage.policy,
    ...(caWindow === undefined ? {} : { caWindow }),
    ...(isAsked(known) ? { revoked: needsAnother(known) } : {}),
    ...(state.renewal === undefined ? {} : { attempts: state.renewal }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(state.hold === undefined ? {} : { hold: state.hold }),
  };
}

export function deploymentFacts(known: Known, asked: Pick<DeploymentFacts, 'nowMs' | 'asked'>): DeploymentFacts {
  const { lineage, state, newest, live, windows, revocations } = known;
  const window = live === undefined ? undefined : windows[live.number]?.window;
  return {
    ...asked,
    ...(newest === undefined ? {} : { newest: deployable(newest) }),
    ...(live === undefined ? {} : { live: deployable(live) }),
    rejected: state.rejected,
    ...(isAsked(known) ? { revoked: versionsOf(known).flatMap((version) => (isRevoked(version, revocations) ? [version.number] : [])) } : {}),
    owed: isOwed(lineage, state, live?.number),
    policy: lineage.policy,
    ...(state.deployment === undefined ? {} : { attempts: state.deployment }),
    ...(state.hold === undefined ? {} : { hold: state.hold }),
    ...(state.chosen === undefined ? {} : { chosen: state.chosen.version }),
    ...emergencyOf(isRevoked(live, revocations), window),
  };
}

function emergencyOf(revoked: boolean, window: RenewalWindow | undefined): Pick<DeploymentFacts, 'emergency'> {
  if (revoked) return { emergency: 'revoked' };
  return window !== undefined && isEmergency(window) ? { emergency: 'window-moved' } : {};
}

/** The newest version is revoked; or the live one is, and a person rolled back from the newest. */
function needsAnother({ state, newest, live, revocations }: Known): boolean {
  return isRevoked(newest, revocations) || (isRevoked(live, revocations) && newest !== undefined && state.rejected.includes(newest.number));
}

const versionsOf = ({ newest, live }: Known) => [newest, live].filter((version) => version !== undefined);
const isRevoked = (version: Version | undefined, revocations: Revocations) => version !== undefined && revocationOf(version, revocations) !== undefined;
const isAsked = (known: Known) => versionsOf(known).some((version) => askedOf(version, known.revocations).some(({ answer }) => answer !== undefined));
