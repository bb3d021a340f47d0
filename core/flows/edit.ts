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
}

/**
 * Has a person edit a copy of a configuration, and puts it in the file's place once it is right. A text that is not saved is kept, and
 * the error says where.
 */
export async function edit(subject: Subject, { openEditor, askToGoOn }: Editing, needs: ConfigureNeeds): Promise<Configured | undefined> {
  const { store, random, signal } = needs;
  const held = await store.configuration(subject);
  const draft = await store.beginDraft(held, random.hex(MARK_BYTES));
  try {
    const text = await editedText();
    if (text === undefined) return await left();
    const before = await judge(held, needs).catch(() => undefined); // what could not be read is mended now
    const after = await judge({ ...held, text }, needs);
    await store.withConfigurationLock(subject, () => store.saveConfiguration(held, text), { onWait: waitingFor(titleOf(subject), needs), signal });
    await draft.remove();
    return await configured(held, text, before, after, needs);
  } catch (thrown) {
    if ((await textOf()) === held.text) {
      await draft.remove();
      throw thrown;
    }
    throw fault('USAGE_EDIT_KEPT', { subject: subjectArgument(subject), path: held.path, draft: draft.path, because: asCertkitError(thrown).message }, thrown);
  }

  /** `undefined` when nothing was changed. */
  async function editedText(): Promise<string | undefined> {
    for (;;) {
      await openEditor(draft.path);
      const text = await draft.text().catch(asCertkitError);
      if (text === undefined || text === held.text) return undefined;
      const found = typeof text === 'string' ? await faultOf({ ...held, text }, needs) : text;
      if (found === undefined) return text as string;
      if (!(await askToGoOn(found))) throw found;
    }
  }

  /** As far as it can be read: what is no text is not the text that was there. */
  async function textOf(): Promise<string | undefined> {
    return draft.text().catch(() => undefined);
  }

  async function left(): Promise<undefined> {
    await draft.remove();
    return undefined;
  }
}
