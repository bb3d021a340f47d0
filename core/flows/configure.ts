import { type CertkitError, fault } from '../errors.ts';
import { type Change, type Configuration, type Subject, subjectArgument } from '../model/configuration.ts';
import { type Configured, configured } from './configured.ts';
import { judge } from './judge.ts';
import type { Needs } from './needs.ts';
import { waitingFor } from './waiting.ts';

/** Changes a configuration under its lock. What would not be right as a whole is not written. */
export async function configure(subject: Subject, changes: readonly Change[], dryRun: boolean, needs: Needs): Promise<Configured> {
  const { store, signal } = needs;
  const change = async (): Promise<Configured> => {
    const held = await store.configuration(subject);
    const text = await store.changedText(held, changes);
    const judged = await judge({ ...held, text }, needs);
    const before = await judge(held, needs).catch(() => undefined); // what could not be read is mended now
    const stoodThere = (value: string) => (before === undefined ? held.text.includes(value) : before.secrets.some((known) => known.value === value));
    // Where a secret may not stand in any way, its fault says what to write in its place.
    const typed = judged.secrets.find(({ place, value }) => !stoodThere(value) && place.join('.') !== judged.fault?.place.join('.'));
    if (typed !== undefined) {
      throw refusal(held, `${typed.place.join('.')}: it is a secret, and a command line can be read by everybody on this machine; set it by "certkit edit"`);
    }
    if (judged.fault !== undefined) throw refusal(held, judged.fault.because);
    if (!dryRun && text !== held.text) await store.saveConfiguration(held, text);
    return configured(held, text, before, judged, needs);
  };
  if (dryRun) return change();
  return store.withConfigurationLock(subject, change, { onWait: waitingFor(titleOf(subject), needs), signal });
}

function refusal({ subject, path }: Configuration, because: string): CertkitError {
  return fault('USAGE_BAD_CHANGE', { subject: subjectArgument(subject), path, because });
}

export function titleOf(subject: Subject): string {
  return subject.kind === 'system' ? 'certkit.yaml' : `lineage ${subject.name}`;
}
