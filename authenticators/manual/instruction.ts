import { authorizes, txtRecordFor } from 'certkit/dns';
import type { ChallengeTask } from 'certkit/plugin';

const PROOF_PATH = '/.well-known/acme-challenge/'; // RFC 8555 section 8.3

/** What somebody has to create for a task. */
export type Instruction =
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'record'; readonly name: string; readonly content: string };

export function instructionFor(task: ChallengeTask): Instruction {
  switch (task.type) {
    case 'http-01':
      return { kind: 'file', path: PROOF_PATH + task.token, content: task.keyAuthorization };
    case 'dns-01':
    case 'dns-account-01':
    case 'dns-persist-01': {
      const { name, value } = txtRecordFor(task);
      return { kind: 'record', name, content: value };
    }
    case 'tls-alpn-01':
      throw new Error('nobody makes a certificate for tls-alpn-01 by hand');
  }
}

/** What has to be created for all of the tasks, each thing once: a record that stays may do for a wildcard and the name below it. */
export function neededFor(tasks: readonly ChallengeTask[], nowMs: number): readonly ChallengeTask[] {
  const isDoneBy = (task: ChallengeTask, other: ChallengeTask) => {
    const [own, others] = [instructionFor(task), instructionFor(other)];
    if (own.kind !== 'record' || others.kind !== 'record' || own.name !== others.name) return false;
    return own.content === others.content || (task.type === 'dns-persist-01' && authorizes(others.content, task, nowMs));
  };
  return tasks.filter((task, at) => !tasks.some((other, otherAt) => at !== otherAt && isDoneBy(task, other) && (otherAt < at || !isDoneBy(other, task))));
}

/** The same in words, with what can be pasted. */
export function instructionText(task: ChallengeTask): string {
  const instruction = instructionFor(task);
  const { value, kind } = task.identifier;
  if (instruction.kind === 'file') {
    const host = kind === 'ip' && value.includes(':') ? `[${value}]` : value;
    return [
      `${value}: make this address answer with this text, over plain HTTP on port 80:`,
      `    http://${host}${instruction.path}`,
      `    ${instruction.content}`,
      '  For instance, in the directory that the site is served from:',
      `    mkdir -p ${PROOF_PATH.slice(1, -1)} && printf '%s' '${instruction.content}' > ${instruction.path.slice(1)}`,
    ].join('\n');
  }
  return [
    task.type === 'dns-persist-01'
      ? `${value}: add this TXT record, once; renewals need no other as long as it stays:`
      : `${value}: add this TXT record, beside those that are there:`,
    `    ${instruction.name}. IN TXT "${instruction.content}"`,
  ].join('\n');
}
