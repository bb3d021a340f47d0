import { userInfo } from 'node:os';
import type { ChallengeTask, Programs, Receipt } from 'certkit/plugin';
import { type Instruction, instructionFor } from './instruction.ts';

export interface Hooks {
  /** Publishes; its output is kept for the other. */
  readonly auth: readonly string[];
  readonly cleanup?: readonly string[];
  readonly timeoutMs: number;
}

/** Runs a hook that publishes, for one task of a batch. */
export async function runAuthHook(
  task: ChallengeTask,
  batch: readonly ChallengeTask[],
  hooks: Hooks,
  programs: Programs,
  signal: AbortSignal,
): Promise<Receipt> {
  const ofLineage = batch.filter(({ lineage }) => lineage === task.lineage);
  const facts = { remaining: ofLineage.length - ofLineage.indexOf(task) - 1, domains: [...new Set(ofLineage.map(domainOf))].join(',') };
  const [file = '', ...args] = hooks.auth;
  const { stdout } = await programs.run(file, args, { variables: variablesFor(task, facts), timeoutMs: hooks.timeoutMs, signal });
  return { ...facts, output: stdout.trim() };
}

/** Runs the hook that takes away, if there is one. In a later process the receipt may be missing: then it is told of this task alone. */
export async function runCleanupHook(task: ChallengeTask, receipt: Receipt | undefined, hooks: Hooks, programs: Programs): Promise<void> {
  if (hooks.cleanup === undefined) return;
  const { remaining = 0, domains = domainOf(task), output = '' } = receipt ?? {};
  const [file = '', ...args] = hooks.cleanup;
  const variables = { ...variablesFor(task, { remaining, domains }), CERTBOT_AUTH_OUTPUT: String(output) };
  await programs.run(file, args, { variables, timeoutMs: hooks.timeoutMs });
}

/** Certbot's own names, so that hooks written for it run as they are: https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks */
function variablesFor(task: ChallengeTask, { remaining, domains }: Receipt): Readonly<Record<string, string>> {
  return {
    HOME: userInfo().homedir,
    CERTBOT_DOMAIN: domainOf(task),
    CERTBOT_VALIDATION: instructionFor(task).content,
    ...('token' in task && task.type === 'http-01' ? { CERTBOT_TOKEN: task.token } : {}),
    CERTBOT_REMAINING_CHALLENGES: String(remaining),
    CERTBOT_ALL_DOMAINS: String(domains),
    ...recordVariable(instructionFor(task)),
  };
}

/** Certbot has no name for it: dns-account-01 and dns-persist-01 want records elsewhere than at `_acme-challenge`. */
const recordVariable = (instruction: Instruction): Readonly<Record<string, string>> =>
  instruction.kind === 'record' ? { CERTKIT_RECORD: instruction.name } : {};

/** A wildcard is proven at the name without its first label. */
const domainOf = ({ identifier: { value, wildcard } }: ChallengeTask) => (wildcard ? value.slice('*.'.length) : value);
