import { authorizes, untilServed } from 'certkit/dns';
import type { AuthenticatorContext, ChallengeTask } from 'certkit/plugin';
import { instructionFor } from './instruction.ts';

/** Whether the CA would find what a task wants. */
export type Sight = { readonly kind: 'right' } | { readonly kind: 'wrong' | 'unseen'; readonly because: string };

export interface Looking {
  /** Where the CA asks over HTTP. */
  readonly port: number;
  /** How long servers of a zone may take to show a record; 0 asks each once. */
  readonly dnsLimitMs: number;
  readonly signal: AbortSignal;
}

/** Looks for what tasks want, as the CA will: over HTTP, and at every server of the zone. */
export async function lookFor(
  tasks: readonly ChallengeTask[],
  { port, dnsLimitMs, signal }: Looking,
  context: AuthenticatorContext,
): Promise<readonly Sight[]> {
  return Promise.all(
    tasks.map(async (task): Promise<Sight> => {
      const instruction = instructionFor(task);
      const { content } = instruction;
      if (instruction.kind === 'file') return context.http.look({ identifier: task.identifier, path: instruction.path, content, port }, signal);
      try {
        const place = await context.dns.place(instruction.name, signal);
        const record = {
          place,
          value: content,
          ...(task.type === 'dns-persist-01' ? { accepts: (value: string) => authorizes(value, task, context.clock.nowMs()) } : {}),
        };
        const onWait = (text: string) => context.log.debug(text);
        const [became] = await untilServed([record], { dns: context.dns, limitMs: dnsLimitMs, signal, onWait });
        return became?.kind === 'late' ? { kind: 'wrong', because: became.because } : { kind: 'right' };
      } catch (thrown) {
        signal.throwIfAborted();
        return { kind: 'wrong', because: thrown instanceof Error ? thrown.message : String(thrown) };
      }
    }),
  );
}
