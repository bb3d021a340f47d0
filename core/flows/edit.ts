import { asCertkitError, type CertkitError, fault } from '../errors.ts';
import { type Subject, subjectArgument } from '../model/configuration.ts';
import { type Configured, type ConfigureNeeds, configured, faultOf, judge, titleOf } from './configure.ts';
import { waitingFor } from './waiting.ts';

const MARK_BYTES = 4;

/** Who edits: a program, and a person who says whether to go on. */
export interface Editing {
  /** Resolves when the person has closed the file. */
  openEditor(path: string): Promise<void>;
  /** Whether the text is to be opened again, since it has a fault. */
  askToGoOn(error: CertkitError): Promise<boolean>;
  /** The run is told to stop, and the text stays there. */
  tellKept(path: string): void;
}

/**
 * Has a person edit a copy of a configuration, and puts it in the file's place once it is right. `undefined` when nothing was changed.
 *
 * @throws USAGE_EDIT_KEPT when there is a text that was not saved: it stays where the error says
 */
export async function edit(subject: Subject, { openEditor, askToGoOn, tellKept }: Editing, needs: ConfigureNeeds): Promise<Configured | undefined> {
  const { store, random, signal } = needs;
  const held = await store.configuration(subject);
  const draft = await store.beginDraft(held, random.hex(MARK_BYTES));
  try {
    const text = await editedText();
    const changed = text === undefined ? undefined : await replaced(text);
    await draft.remove();
    return changed;
  } catch (thrown) {
    const text = await textOfDraft();
    if (text === undefined || text === held.text) {
      await draft.remove();
      throw thrown;
    }
    if (signal.aborted) {
      tellKept(draft.path);
      throw thrown;
    }
    throw fault('USAGE_EDIT_KEPT', { subject: subjectArgument(subject), path: held.path, draft: draft.path, because: asCertkitError(thrown).message }, thrown);
  }

  async function editedText(): Promise<string | undefined> {
    for (;;) {
      await openEditor(draft.path);
      const text = await textOfDraft();
      if (text === undefined || text === held.text) return undefined;
      const found = typeof text === 'string' ? await faultOf({ ...held, text }, needs) : text;
      if (found === undefined) return text as string;
      if (!(await askToGoOn(found))) throw found;
    }
  }

  /** `undefined` when it was removed; the fault where it is no text. */
  function textOfDraft(): Promise<string | CertkitError | undefined> {
    return draft.text().catch(asCertkitError);
  }

  async function replaced(text: string): Promise<Configured> {
    const before = await judge(held, needs).catch(() => undefined); // what could not be read is mended now
    const after = await judge({ ...held, text }, needs);
    await store.withConfigurationLock(subject, () => store.saveConfiguration(held, text), { onWait: waitingFor(titleOf(subject), needs), signal });
    return configured(held, text, before, after, needs);
  }
}
