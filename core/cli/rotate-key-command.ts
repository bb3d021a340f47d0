import type { Command } from 'commander';
import { faultFacts } from '../errors.ts';
import { type CommandContext, errorFacts, exitCodeFor, hookFacts } from './command.ts';
import { deploymentFacts } from './deployment-text.ts';
import { refuseUnknown } from './renew-command.ts';

export function declareRotateKey(program: Command): Command {
  return program.command('rotate-key').description('renew now with a new key, whatever reuse_key says, and deploy it at once').argument('<lineage>');
}

export async function rotateKeyCommand(name: string, { certkit, output }: CommandContext): Promise<number> {
  await refuseUnknown([name], certkit.store);
  const { rotation, hookFailures } = await certkit.rotateKey(name);
  if (rotation.result === 'failed') {
    output.result('rotate-key', { lineage: name, error: faultFacts(rotation.error) });
    return exitCodeFor([rotation.error], 1);
  }
  const { version, deployment } = rotation;
  const algorithms = version.sets.map(({ algorithm }) => algorithm).join(', ');
  const isLive = deployment.result !== 'failed' && deployment.result !== 'not-due';
  output.say(`${name}: version ${version.number} has a new key (${algorithms})${isLive ? '; it is live' : ''}`);
  if (!isLive) output.say(`${name}: the version with the old key stays in use; "certkit status ${name}" says what is next`);
  const setbacks = 'setbacks' in deployment ? deployment.setbacks.map(({ error }) => error) : [];
  const failures = [...(deployment.result === 'failed' ? [deployment.error] : setbacks), ...hookFailures];
  output.result('rotate-key', {
    lineage: name,
    version: version.number,
    deployment: deploymentFacts(deployment),
    ...hookFacts(hookFailures),
    ...errorFacts(failures),
  });
  return exitCodeFor(failures, 1);
}
