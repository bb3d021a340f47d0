import type { NotifierDefinition, OptionDeclarations } from 'certkit/plugin';
import { createExecutor } from '../../../core/edges/exec.ts';
import { createNotifier } from '../../../plugins/guard.ts';
import { disk } from '../disk.ts';

export const never = new AbortController().signal;

const context = { files: disk, programs: createExecutor({ path: process.env.PATH ?? '' }), log: { debug() {}, warn() {} } };

/** A notifier as core makes it: options read, errors checked and masked. */
export const make = <D extends OptionDeclarations>(definition: NotifierDefinition<D>, options: Record<string, unknown>) =>
  createNotifier(definition as unknown as NotifierDefinition, options, context);

/** What went wrong: code, message and hint; fails when nothing did. */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<{ code: string; message: string; hint: string }> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (thrown) {
    const { code, message, hint } = thrown as { code: string; message: string; hint: string };
    return { code, message, hint };
  }
  throw new Error('it succeeded');
}
