import type { Policy } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import { momentText } from '../model/moment.ts';
import { isHeld } from './hold.ts';
import { deploymentMoment, type Life, lengthMs, renewalMoment } from './lead.ts';
import { FOR_A_PERSON } from './news.ts';
import { spanText } from './news-text.ts';

export type Severity = 'warning' | 'critical';

/** Something that monitoring should show. */
export interface Finding {
  readonly severity: Severity;
  readonly lineage?: string;
  readonly text: string;
}

/** How much of a certificate's life has to be left, where a person says so. */
export interface Limits {
  readonly warningMs?: number;
  readonly criticalMs?: number;
}

interface KnownVersion {
  readonly number: number;
  readonly life: Life;
}

/** What was seen at one place just now. */
export interface Sighting {
  /** Name and address. */
  readonly place: string;
  readonly answered: boolean;
  /** Absent when it is no certificate of this lineage. */
  readonly version?: number;
  readonly notAfterMs?: number;
  readonly because?: string;
}

export interface LineageFacts {
  readonly name: string;
  readonly nowMs: number;
  readonly limits: Limits;
  /** Why nothing can be decided about it. */
  readonly unreadable?: string;
  readonly live?: KnownVersion;
  readonly pending?: KnownVersion;
  readonly policy: Policy;
  readonly state: Pick<LineageState, 'renewal' | 'deployment' | 'hold' | 'unused' | 'owedHooks'>;
  /** Of what the file wants of a plugin. */
  readonly misconfigured?: string;
  /** It is due, and this is why it is not renewed. */
  readonly waitsFor?: 'person' | 'ca';
  /** Of the versions that are in use, or to be. */
  readonly revoked?: readonly number[];
  readonly owed: boolean;
  readonly seen: readonly Sighting[];
}

/** Of the time between the deploy date and the expiry: two of 20 days are a day of tries and another one. */
const WARNING_PART = 0.9;
const CRITICAL_PART = 0.5;
const CRITICAL_PART_OF_LIFE = 0.1;

/**
 * How much has to be left of a life. By default a warning comes when a tenth of the time from the deploy date on is over and the certificate
 * is still in use, 18 days of 90; it is critical in the last tenth of the life, or in the last half of that time where this is shorter.
 */
export function limitsFor(life: Life, policy: Policy, { warningMs, criticalMs }: Limits): Required<Limits> {
  const { renewBefore, deployBefore } = policy;
  const { atMs } = deployBefore?.kind === 'immediately' ? renewalMoment(life, renewBefore) : deploymentMoment(life, deployBefore, renewBefore);
  const leadMs = life.notAfterMs - atMs;
  return {
    warningMs: warningMs ?? Math.max(leadMs * WARNING_PART, criticalMs ?? 0),
    criticalMs: criticalMs ?? Math.min(lengthMs(life) * CRITICAL_PART_OF_LIFE, leadMs * CRITICAL_PART, warningMs ?? Number.POSITIVE_INFINITY),
  };
}

/** What is wrong with a lineage, as its files and its servers show it at this moment. */
export function findingsOf(facts: LineageFacts): readonly Finding[] {
  const { name, unreadable, live, pending, state, owed } = facts;
  const warn = (text: string): Finding => ({ severity: 'warning', lineage: name, text: `${name}: ${text}` });
  const inUse = live ?? pending;
  return [
    ...(unreadable === undefined ? [] : [warn(`it cannot be read, and is not renewed: ${unreadable}`)]),
    ...(inUse === undefined && unreadable === undefined ? [warn('it has no certificate yet')] : []),
    ...(facts.misconfigured === undefined ? [] : [warn(facts.misconfigured)]),
    ...(inUse === undefined ? [] : expiryOf(inUse, facts)),
    ...(facts.revoked ?? []).map((number): Finding => {
      return { severity: number === inUse?.number ? 'critical' : 'warning', lineage: name, text: `${name}: the CA revoked version ${number}` };
    }),
    ...(inUse === undefined ? [] : facts.seen.flatMap((one) => sightingOf(one, inUse, facts))),
    ...failureOf('renewal', facts),
    ...failureOf('deployment', facts),
    ...waitingOf(facts, warn),
    ...hooksOf(facts, warn),
    ...(owed && state.deployment === undefined && state.unused !== true ? [warn('a server has not been seen serving the live version')] : []),
  ];
}

function expiryOf({ number, life }: KnownVersion, facts: LineageFacts): readonly Finding[] {
  const { name, nowMs, live, pending, state } = facts;
  const severity = severityOf(life.notAfterMs, life, facts);
  if (severity === undefined) return [];
  const held = (['renewal', 'deployment'] as const).filter((what) => isHeld(state.hold, what, nowMs));
  const remarks = [
    ...(live !== undefined && pending !== undefined ? [`version ${pending.number} is there and not deployed`] : []),
    ...(held.length > 0 ? [`its ${held.join(' and ')} is held, until "certkit release ${name}"`] : []),
  ];
  return [{ severity, lineage: name, text: `${[`${name}: version ${number} ${expiryText(life.notAfterMs, nowMs)}`, ...remarks].join('; ')}` }];
}

/** A server that shows the live version needs no line of its own. */
function sightingOf({ place, answered, version, notAfterMs, because }: Sighting, inUse: KnownVersion, facts: LineageFacts): readonly Finding[] {
  const { name, nowMs } = facts;
  if (!answered) return [{ severity: 'warning', lineage: name, text: `${name}: ${place} does not answer: ${because}` }];
  if (version === inUse.number) return [];
  const what = version === undefined ? 'a certificate that is not of this lineage' : `version ${version} in place of version ${inUse.number}`;
  const until = notAfterMs === undefined ? '' : `; what it serves ${expiryText(notAfterMs, nowMs)}`;
  const severity = (notAfterMs === undefined ? undefined : severityOf(notAfterMs, inUse.life, facts)) ?? 'warning';
  return [{ severity, lineage: name, text: `${name}: ${place} serves ${what}${until}` }];
}

function failureOf(what: 'renewal' | 'deployment', { name, state }: LineageFacts): readonly Finding[] {
  const attempts = state[what];
  if (attempts === undefined) return [];
  const { failures, lastCode, notBeforeMs } = attempts;
  const times = failures === 1 ? 'once' : `${failures} times`;
  const again = what === 'renewal' ? `certkit renew ${name}` : `certkit deploy ${name} --now`;
  const next = FOR_A_PERSON.has(lastCode) ? `it needs you: run "${again}" at a terminal` : `next try from ${momentText(notBeforeMs)} on`;
  return [{ severity: 'warning', lineage: name, text: `${name}: its ${what} has failed ${times} (${lastCode}); ${next}` }];
}

function waitingOf({ name, waitsFor }: LineageFacts, warn: (text: string) => Finding): readonly Finding[] {
  if (waitsFor === undefined) return [];
  if (waitsFor === 'person') return [warn(`it is time to renew it, and only a person can: run "certkit renew ${name}" at a terminal`)];
  return [warn('it is due, and its CA has failed and rests')];
}

function hooksOf({ state: { owedHooks } }: LineageFacts, warn: (text: string) => Finding): readonly Finding[] {
  if (owedHooks?.attempts === undefined) return [];
  const { failures, lastCode, notBeforeMs } = owedHooks.attempts;
  const times = failures === 1 ? 'once' : `${failures} times`;
  return [warn(`a deployed hook of version ${owedHooks.version} has failed ${times} (${lastCode}); it is called again from ${momentText(notBeforeMs)} on`)];
}

function severityOf(notAfterMs: number, life: Life, { nowMs, policy, limits }: LineageFacts): Severity | undefined {
  const { warningMs, criticalMs } = limitsFor(life, policy, limits);
  const leftMs = notAfterMs - nowMs;
  if (leftMs <= 0 || leftMs < criticalMs) return 'critical';
  return leftMs < warningMs ? 'warning' : undefined;
}

function expiryText(notAfterMs: number, nowMs: number): string {
  return notAfterMs <= nowMs ? `has expired on ${momentText(notAfterMs)}` : `expires in ${spanText(notAfterMs - nowMs)}, on ${momentText(notAfterMs)}`;
}
