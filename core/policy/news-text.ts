import type { Event, EventFault } from '../model/event.ts';
import type { Attempts } from '../model/lineage-state.ts';
import { momentText } from '../model/moment.ts';
import type { NewsItem } from '../model/news.ts';
import { DAY_MS, HOUR_MS, type Life } from './lead.ts';

type Of<T extends Event['type']> = Extract<Event, { type: T }>;
export type FailureKind = 'renewal-failed' | 'deployment-failed' | 'needs-you' | 'plugin-refused';

/** A lineage as a run left it. */
export interface NewsSubject {
  readonly name: string;
  /** What its certificate is for; empty where its file cannot be read. */
  readonly names: readonly string[];
  /** Of the certificate in use. */
  readonly life?: Life;
  readonly renewal?: Attempts;
  readonly deployment?: Attempts;
}

export interface Failure {
  readonly kind: FailureKind;
  readonly event: { readonly during: Of<'failed'>['during']; readonly fault: EventFault; readonly nextTryMs?: number };
  /** Absent for what concerns no single lineage. */
  readonly subject: NewsSubject | undefined;
  /** As this run counted it. */
  readonly booked: Attempts | undefined;
  readonly isUndone: boolean;
  readonly remarks: readonly string[];
  readonly nowMs: number;
}

/** What happened, what it means, what to do: for somebody who does not know certkit. */
export function failureNews({ kind, event, subject, booked, isUndone, remarks, nowMs }: Failure): NewsItem {
  const { fault, during } = event;
  const nextTryMs = event.nextTryMs ?? booked?.notBeforeMs;
  const text = paragraphs(
    subject === undefined ? 'certkit could not put right what an earlier run left, which was cut off.' : `${ATTEMPTED[during](theCertificate(subject))}`,
    `${fault.code}: ${fault.message}\n${fault.hint}`,
    isUndone ? 'What had been changed is taken back: the servers go on as before.' : undefined,
    ...remarks,
    subject === undefined
      ? 'What it was changing may be half done; nothing more is deployed there until it is put right. "certkit recover" tries at once, as every run does.'
      : meaningFor(subject, kind, booked, nextTryMs, nowMs),
    subject === undefined ? undefined : wayOutFor(subject, kind, during),
  );
  return {
    kind,
    ...(subject === undefined ? {} : { lineage: subject.name }),
    title: titleOf(kind, during, subject),
    text,
    code: fault.code,
    ...(subject?.life === undefined ? {} : { expiresAtMs: subject.life.notAfterMs }),
    ...(nextTryMs === undefined ? {} : { nextTryMs }),
    ...(booked === undefined ? {} : { failures: booked.failures }),
  };
}

const ATTEMPTED: Readonly<Record<Failure['event']['during'], (what: string) => string>> = {
  renewal: (what) => `certkit could not renew ${what}.`,
  deployment: (what) => `certkit could not put the newest version of ${what} to use.`,
  rollback: (what) => `certkit could not go back to an earlier version of ${what}.`,
  undeployment: (what) => `certkit could not take ${what} out of use.`,
  recovery: (what) => `certkit could not put right what a run that was cut off left of ${what}.`,
};

function titleOf(kind: FailureKind, during: Failure['event']['during'], subject: NewsSubject | undefined): string {
  if (subject === undefined) return 'a run that was cut off needs you';
  if (kind === 'needs-you') return `${subject.name} needs you`;
  if (kind === 'plugin-refused') return `${subject.name} has a plugin that cannot be used`;
  return during === 'renewal' ? `${subject.name} was not renewed` : `${subject.name} was not deployed`;
}

function meaningFor({ life }: NewsSubject, kind: FailureKind, booked: Attempts | undefined, nextTryMs: number | undefined, nowMs: number): string {
  const inUse = life === undefined ? 'No certificate is in use yet.' : lifeText(life, nowMs);
  const tries = booked === undefined ? '' : ` This was try ${booked.failures}.`;
  const next = nextTryMs === undefined ? 'Every run tries again.' : `The next try is made from ${momentText(nextTryMs)} on.`;
  if (kind !== 'needs-you') return `${inUse}${tries} ${next}`;
  const otherwise = life === undefined || life.notAfterMs <= nowMs ? '' : ' If nobody does, visitors are warned or turned away from then on.';
  return `${inUse}${tries} certkit cannot do it by itself.${otherwise}`;
}

function wayOutFor({ name }: NewsSubject, kind: FailureKind, during: Failure['event']['during']): string {
  const again = during === 'renewal' ? `certkit renew ${name}` : `certkit deploy ${name} --now`;
  return kind === 'needs-you'
    ? `Run "${again}" at a terminal; "certkit explain ${name}" shows what is due when.`
    : `Mend what is named above; "${again}" then tries at once, and "certkit explain ${name}" shows what is due when.`;
}

export function renewedNews(subject: NewsSubject, { version, notAfterMs }: Of<'renewed'>): NewsItem {
  return {
    kind: 'renewed',
    lineage: subject.name,
    title: `${subject.name} is renewed`,
    text: paragraphs(
      `Version ${version} of ${theCertificate(subject)} was obtained; it is valid until ${momentText(notAfterMs)}.`,
      `There is nothing to do. "certkit status ${subject.name}" shows whether servers use it yet.`,
    ),
    expiresAtMs: notAfterMs,
  };
}

export function waitingNews(subject: NewsSubject, { version, notAfterMs }: Of<'renewed'>, { live, deployAtMs, held = false }: Of<'pending'>): NewsItem {
  const { name, life } = subject;
  const freely = deployAtMs === undefined ? 'until its deploy date' : `until ${momentText(deployAtMs)}`;
  const until = held
    ? `until somebody runs "certkit release ${name}"${deployAtMs === undefined ? '' : `, or ${momentText(deployAtMs)}`}: its deployment is held`
    : freely;
  const inUse = life === undefined ? '' : `, which is valid until ${momentText(life.notAfterMs)}`;
  return {
    kind: 'waiting',
    lineage: name,
    title: `${name} is renewed, and deployed later`,
    text: paragraphs(
      `Version ${version} of ${theCertificate(subject)} was obtained; it is valid until ${momentText(notAfterMs)}.`,
      `It waits ${until}. Until then version ${live} stays in use${inUse}.`,
      held ? undefined : `There is nothing to do. "certkit deploy ${name} --now" does not wait.`,
    ),
    expiresAtMs: life?.notAfterMs ?? notAfterMs,
    ...(deployAtMs === undefined ? {} : { deployAtMs }),
  };
}

export function deployedNews(subject: NewsSubject, { version, servers }: Of<'deployed' | 'already-served'>, remarks: readonly string[]): NewsItem {
  const { name, life } = subject;
  const seen = servers.length === 0 ? 'is live; no server is named that could be asked whether it serves it' : `was seen served by ${servers.join(', ')}`;
  return {
    kind: 'deployed',
    lineage: name,
    title: `${name} is deployed`,
    text: paragraphs(
      `Version ${version} of ${theCertificate(subject)} ${seen}.${life === undefined ? '' : ` It is valid until ${momentText(life.notAfterMs)}.`}`,
      ...remarks,
      remarks.length === 0 ? 'There is nothing to do.' : 'There is nothing to do, if you know of that.',
    ),
    ...(life === undefined ? {} : { expiresAtMs: life.notAfterMs }),
  };
}

export function needsPersonNews(subject: NewsSubject, { authenticator }: Of<'needs-person'>, nowMs: number): NewsItem {
  const { name, life } = subject;
  return {
    kind: 'needs-you',
    lineage: name,
    title: `${name} needs you`,
    text: paragraphs(
      `It is time to renew ${theCertificate(subject)}, and only a person can: its authenticator, ${authenticator}, asks somebody. Nothing was tried.`,
      life === undefined ? 'No certificate is in use yet.' : lifeText(life, nowMs),
      `Run "certkit renew ${name}" at a terminal; "certkit explain ${name}" shows what is due when.`,
    ),
    ...(life === undefined ? {} : { expiresAtMs: life.notAfterMs }),
  };
}

export function expiringNews(subject: NewsSubject, life: Life, { what, reason, reviewAtMs }: Of<'not-due'>, nowMs: number): NewsItem {
  const { name } = subject;
  const until = reviewAtMs === undefined ? '' : ` until ${momentText(reviewAtMs)}`;
  const because: Readonly<Record<string, string>> = {
    held: `Its ${what} is held${until}: somebody ran "certkit hold ${name}". "certkit release ${name}" lets it go, and the next run sees to it.`,
    rejected: `Its newest version is not deployed, because somebody rolled back from it. "certkit release ${name}" allows it again, "certkit renew ${name} --force" gets another.`,
    'ca-resting': `It is due, and its CA has failed and rests${until}: this run made no try for it. "certkit explain ${name}" shows since when; "certkit renew ${name}" at a terminal tries at once.`,
    budget: `It is due, and others came first: "max_issues" allows no more of them in one run. "certkit renew ${name}" at a terminal does not wait.`,
    'orders-per-hour': `It is due, and waits${until} because "orders_per_hour" allows its CA no more. "certkit renew ${name} --force" at a terminal does not wait.`,
    'backing-off': `Its ${what} has failed and rests${until}. "certkit explain ${name}" shows why; run "certkit ${what === 'renewal' ? `renew ${name}` : `deploy ${name} --now`}" when it is mended.`,
  };
  return {
    kind: 'expiring',
    lineage: name,
    title: life.notAfterMs > nowMs ? `${name} expires in ${spanText(life.notAfterMs - nowMs)}` : `${name} has expired`,
    text: paragraphs(`Nothing replaces ${theCertificate(subject)}. ${lifeText(life, nowMs)}`, because[reason]),
    expiresAtMs: life.notAfterMs,
    ...(reviewAtMs === undefined ? {} : { nextTryMs: reviewAtMs }),
  };
}

/** The first one since a run that was not stopped is told at once. */
export function runFailedNews({ code, message, hint }: EventFault, again: boolean): NewsItem {
  return {
    kind: 'run-failed',
    title: 'a run failed as a whole',
    text: paragraphs(
      'certkit started by itself to renew what is due, and could not do so for any certificate.',
      `${code}: ${message}\n${hint}`,
      'The certificates in use stay in use until they expire. Nothing replaces them while this lasts; the next run tries again.',
      'When it is mended, run "certkit renew" at a terminal to see that it works; "certkit status" shows how long each certificate is good for.',
    ),
    code,
    ...(again ? {} : { failures: 1 }),
  };
}

export function firstRunNews(): NewsItem {
  return {
    kind: 'first-run',
    title: 'the schedule runs',
    text: paragraphs(
      'This was the first run since "certkit schedule install": certificates that are due are renewed and deployed by themselves.',
      'There is nothing to do. "certkit status" shows what is due when.',
    ),
  };
}

export function testNews(): NewsItem {
  return {
    kind: 'test',
    title: 'a test message',
    text: paragraphs(
      'Somebody ran "certkit notify test" on this machine. That you read this means that the channel works: news of its certificates comes this way.',
      'There is nothing to do.',
    ),
  };
}

export const theCertificate = ({ name, names }: NewsSubject): string =>
  names.length === 0 || (names.length === 1 && names[0] === name) ? `the certificate ${name}` : `the certificate ${name} (${names.join(', ')})`;

function lifeText({ notAfterMs }: Life, nowMs: number): string {
  if (notAfterMs <= nowMs) return `The certificate in use expired on ${momentText(notAfterMs)}: visitors are warned or turned away.`;
  return `The certificate in use is valid until ${momentText(notAfterMs)}, ${spanText(notAfterMs - nowMs)} more.`;
}

export function spanText(ms: number): string {
  const [count, unit] = ms >= 2 * DAY_MS ? [Math.floor(ms / DAY_MS), 'day'] : [Math.floor(ms / HOUR_MS), 'hour'];
  return count === 0 ? 'less than an hour' : `${count} ${unit}${count === 1 ? '' : 's'}`;
}

export const paragraphs = (...parts: readonly (string | undefined)[]): string => parts.filter((part) => part !== undefined).join('\n\n');
