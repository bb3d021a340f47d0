import type { Certkit } from '../composition.ts';
import { faultFacts } from '../errors.ts';
import type { FileChange } from '../flows/change-set.ts';
import type { DeployOutcome } from '../flows/deploy-outcome.ts';
import type { Output } from './output.ts';

/** A plan as a unified diff. A file that holds a private key is named, never shown. */
export async function printChanges(changes: readonly FileChange[], { difference }: Pick<Certkit, 'difference'>, output: Output): Promise<void> {
  if (changes.length === 0) output.say('No file would change.');
  for (const change of changes) {
    if (change.kind === 'remove') output.say(`would remove ${change.path}`);
    else if (change.kind === 'place' && change.secret) output.say(`would write ${change.path} (holds a private key, so it is not shown)`);
    else output.say((await difference(change.path, change.before ?? new Uint8Array(), change.after)).trimEnd());
  }
}

/** What a dry run says of one lineage when its changes are shown. */
export function plannedText({ lineage, version, isLive, changes, servers, tested }: Extract<DeployOutcome, { result: 'planned' }>): string {
  if (isLive && changes.length === 0) return `${lineage}: version ${version} is live; nothing would change`;
  const what = isLive ? `version ${version} is live and stays so` : `version ${version} would go live`;
  if (servers.length === 0) return `${lineage}: ${what}`;
  return `${lineage}: ${what}; ${tested ? 'the server accepts the change' : 'not tested'}`;
}

/** A deployment's outcome as `--json` carries it: plain data without bytes. */
export function deploymentFacts(outcome: DeployOutcome): Readonly<Record<string, unknown>> {
  const { lineage, result } = outcome;
  switch (outcome.result) {
    case 'failed':
      return { lineage, result, error: faultFacts(outcome.error) };
    case 'not-due':
      return { lineage, result, decision: outcome.decision };
    case 'planned':
      return {
        lineage,
        result,
        version: outcome.version,
        files: outcome.changes.map(({ path }) => path),
        tested: outcome.tested,
        setbacks: outcome.setbacks.map(setbackFacts),
      };
    default:
      return { lineage, result, version: outcome.version, servers: outcome.servers, setbacks: outcome.setbacks.map(setbackFacts) };
  }
}

function setbackFacts({ server, error }: { readonly server: string; readonly error: Parameters<typeof faultFacts>[0] }) {
  return { server, error: faultFacts(error) };
}
