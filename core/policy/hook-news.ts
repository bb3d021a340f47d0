import type { Event } from '../model/event.ts';
import type { HookEvent } from '../model/hook.ts';
import { momentText } from '../model/moment.ts';
import type { NewsItem } from '../model/news.ts';
import { type NewsSubject, paragraphs, theCertificate } from './news-text.ts';

type HookFailed = Extract<Event, { type: 'hook-failed' }>;

const CALLED: Readonly<Record<HookEvent, string>> = {
  pre: 'before it renews',
  post: 'after a run for',
  renewed: 'when it has obtained a version of',
  deployed: 'when a version is in use of',
  failed: 'when it could not renew or deploy',
};

const MEANING: Readonly<Record<HookEvent, string>> = {
  pre: 'What it was to prepare may be missing.',
  post: 'What it puts back after a run may not be put back.',
  renewed: 'The new version is kept all the same, and deployed when it is due.',
  deployed: 'The certificate itself is in use and stays so; whoever depends on the hook may still have the earlier one.',
  failed: 'The failure that it was called for is told apart.',
};

/** A program that somebody wants to be called has failed; the certificate has not. */
export function hookFailedNews({ hook, lineages, fault, tries, nextTryMs }: HookFailed, subjects: ReadonlyMap<string, NewsSubject>): NewsItem {
  const [only] = lineages.length === 1 ? lineages : [];
  const subject = only === undefined ? undefined : (subjects.get(only) ?? { name: only, names: [] });
  const whom = subject === undefined ? `${lineages.length} certificates (${lineages.join(', ')})` : theCertificate(subject);
  return {
    kind: 'hook-failed',
    ...(subject === undefined ? {} : { lineage: subject.name }),
    title: `a ${hook} hook of ${only ?? `${lineages.length} certificates`} failed`,
    text: paragraphs(
      `A program that certkit calls ${CALLED[hook]} ${whom} has failed. ${MEANING[hook]}`,
      `${fault.code}: ${fault.message}\n${fault.hint}`,
      ...prospects(hook, fault.code, lineages, tries, nextTryMs),
    ),
    code: fault.code,
    ...(subject?.life === undefined ? {} : { expiresAtMs: subject.life.notAfterMs }),
    ...(nextTryMs === undefined ? {} : { nextTryMs }),
    ...(tries === undefined ? {} : { failures: tries }),
  };
}

/** What comes next by itself, and what somebody can do. */
function prospects(hook: HookEvent, code: string, lineages: readonly string[], tries: number | undefined, nextTryMs: number | undefined): readonly string[] {
  if (hook === 'deployed') {
    const next = nextTryMs === undefined ? 'the next run' : `the first run from ${momentText(nextTryMs)} on`;
    return [
      `${tries === undefined ? '' : `This was try ${tries}. `}The hook alone is called again by ${next}.`,
      `When it is mended, "certkit deploy ${lineages.join(' ')} --now" calls it at once; "certkit status" shows what is still owed.`,
    ];
  }
  if (hook === 'post' && code !== 'EXEC_HOOK_FAILED')
    return ['It could not be called, and stays to be called.', 'When it is mended, "certkit recover" calls it at once; the next run does so too.'];
  return ['It is not called again for this run.', 'Run it by hand if it is needed, and see that it works next time.'];
}
