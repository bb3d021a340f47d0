import { fingerprint } from '../model/fingerprint.ts';
import type { Lineage, PluginChoice } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import { lifeOf, type Version } from '../model/version.ts';
import type { DeployableVersion } from '../policy/deployment.ts';

/** A lineage and the version that is to be live. */
export interface Target {
  readonly lineage: Lineage;
  readonly state: LineageState;
  readonly live: number | undefined;
  readonly version: Version;
  readonly reason: string;
  readonly structure: 'may-change' | 'keep';
}

/** The name under which a lineage's state remembers one of its installers: it changes with the options. */
export function slotOf(choice: PluginChoice): string {
  const options = Object.entries(choice.options).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${choice.plugin}-${fingerprint(JSON.stringify(options))}`;
}

/** Whether some server of the lineage has not been seen serving the live version since the switch. */
export function isOwed(lineage: Lineage, state: LineageState, live: number | undefined): boolean {
  return live !== undefined && lineage.installers.some((choice) => state.seen[slotOf(choice)]?.version !== live);
}

export function deployable(version: Version): DeployableVersion {
  return { number: version.number, identifiers: version.identifiers, life: lifeOf(version), issuedAtMs: version.issuedAtMs };
}
