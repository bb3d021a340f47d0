import { asCertkitError } from '../errors.ts';
import type { AskedWindow } from '../model/renewal-window.ts';
import { lifeOf, type Version } from '../model/version.ts';
import { restUntilMs } from '../policy/authority-rest.ts';
import { CHECK_AGAIN_MS, CHECK_FOR_SERVICE_MS, FIRST_CHECK_MS, keepWindow } from '../policy/renewal-window.ts';
import { ifPast } from '../policy/retry.ts';
import { inPool } from '../pool.ts';
import type { LineageView } from '../store/store.ts';
import type { Needs } from './needs.ts';

type Readable = Extract<LineageView, { readable: true }>;

interface Question {
  readonly view: Readable;
  readonly version: Version;
}

const AT_ONCE = 8;
/** Names the lock under which the windows are written. */
const LOCK = 'renewal windows';

/**
 * Asks CAs when they want newest and live versions to be renewed, as often as they allow (RFC 9773 section 4.3).
 * A CA that does not answer is no failure of a renewal: the calendar still counts. One that rests is not asked.
 * Answers whether anything is new.
 */
export async function refreshWindows(views: readonly LineageView[], needs: Needs): Promise<boolean> {
  const { store, signal } = needs;
  const readable = views.filter((view): view is Readable => view.readable);
  const due = await questionsFor(readable, needs);
  if (due.length === 0) return false;

  const answers = await inPool(due, AT_ONCE, async (question) => ({ question, asked: await ask(question, needs) }));
  signal.throwIfAborted();
  await store.withServerLock(LOCK, async () => {
    const windows: Record<string, Record<number, AskedWindow>> = {};
    const before = await store.windows();
    // Lineages this run does not look at keep theirs; versions that are neither newest nor live lose theirs.
    for (const [name, own] of Object.entries(before)) windows[name] = { ...own };
    for (const view of readable) {
      const kept = versionsOf(view).flatMap(({ number }) => {
        const own = before[view.name]?.[number];
        return own === undefined ? [] : [[number, own] as const];
      });
      windows[view.name] = Object.fromEntries(kept);
    }
    for (const { question, asked } of answers) windows[question.view.name] = { ...windows[question.view.name], [question.version.number]: asked };
    await store.saveWindows(windows);
  });
  return true;
}

/** Whether a CA is to be asked now when it wants one of the versions renewed. */
export async function isWindowQuestionDue(views: readonly LineageView[], needs: Needs): Promise<boolean> {
  return (
    (
      await questionsFor(
        views.filter((view): view is Readable => view.readable),
        needs,
      )
    ).length > 0
  );
}

/** With nobody there, a CA that rests is not asked. */
async function questionsFor(views: readonly Readable[], { store, clock, watched }: Needs): Promise<readonly Question[]> {
  const nowMs = clock.nowMs();
  const questions = questionsDue(views, nowMs);
  if (watched || questions.length === 0) return questions;
  const authorities = await store.authorities();
  return questions.filter(({ view, version }) => {
    const trouble = ifPast(authorities[view.lineage.authority.directory]?.trouble, nowMs);
    return trouble === undefined || nowMs >= restUntilMs(trouble, lifeOf(version).notAfterMs);
  });
}

function questionsDue(views: readonly Readable[], nowMs: number): readonly Question[] {
  return views.flatMap((view) =>
    versionsOf(view)
      .filter((version) => nowMs >= (view.windows[version.number]?.checkAtMs ?? version.issuedAtMs + FIRST_CHECK_MS))
      .map((version): Question => ({ view, version })),
  );
}

function versionsOf({ newest, live, lineage }: Readable): readonly Version[] {
  const own = [newest, live].filter((version) => version !== undefined && version.ca === lineage.authority.directory) as readonly Version[];
  return [...new Map(own.map((version) => [version.number, version])).values()];
}

/** A version's window is that of the certificate that the CA wants renewed first. */
async function ask({ view, version }: Question, { ca, store, clock, random, signal, tell }: Needs): Promise<AskedWindow> {
  const nowMs = clock.nowMs();
  const before = view.windows[version.number]?.window;
  try {
    const answers = await Promise.all(
      version.sets.map(async ({ keyType }) =>
        ca.renewalInfo(view.lineage.authority, (await store.pems(view.name, version.number, keyType)).certificate, signal),
      ),
    );
    const [suggested] = answers.filter((answer) => answer !== undefined).sort((a, b) => a.endMs - b.endMs);
    if (suggested === undefined) return { checkAtMs: nowMs + CHECK_FOR_SERVICE_MS };
    return keepWindow({ nowMs, chance: random.fraction(), life: lifeOf(version), suggested, ...(before === undefined ? {} : { before }) });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asCertkitError(thrown);
    tell({ type: 'not-asked', lineage: view.name, because: `${error.code}: ${error.message}` });
    return { checkAtMs: nowMs + CHECK_AGAIN_MS, ...(before === undefined ? {} : { window: before }) };
  }
}
