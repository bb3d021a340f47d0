import type { Event } from '../model/event.ts';
import type { OwedHooks } from '../model/lineage-state.ts';
import { momentText } from '../model/moment.ts';

export const when = momentText;

const REASONS: Readonly<Record<string, string>> = {
  'first-issue': 'it has no certificate yet',
  'identifiers-changed': 'its names changed',
  asked: 'you asked for it',
  unfinished: 'an earlier run did not finish it',
  expired: 'the newest version has expired',
  'renew-before': 'renew_before',
  'late-in-life': 'by its renewal date',
  'ca-window': 'the CA suggests it',
  'before-deployment': 'it is to be there before the deployment',
  'backing-off': 'resting after a failure',
  'ca-resting': 'its CA rests after a failure',
  'needs-person': 'work for a human',
  budget: 'others come first, by max_issues',
  'orders-per-hour': 'its CA has had its orders, by orders_per_hour',
  'first-deployment': 'it was never deployed',
  'live-expired': 'the live version has expired',
  revoked: 'the CA revoked it',
  'window-moved': 'the CA moved its window forward',
  immediately: 'deploy_before: immediately',
  calendar: 'by its deploy date',
  'short-lived': 'an hour after issue',
  'half-of-pending': 'half of the pending version is over',
  owed: 'a server has not been seen serving it',
  'nothing-issued': 'nothing is issued',
  'nothing-pending': 'nothing is pending',
  'not-valid-yet': 'the newest version is not valid yet',
  rejected: 'the newest version was rolled back from',
  'pending-revoked': 'the CA revoked the pending version',
  held: 'held',
};

export function reasonText(reason: string): string {
  return REASONS[reason] ?? reason;
}

/** What is said of a renewal that only somebody at a terminal can do. */
export const personText = (lineage: string) => `work for a human: run "certkit renew ${lineage}" at a terminal`;

export const timesText = (count: number) => (count === 1 ? 'once' : `${count} times`);

/** The same where no date ends it. */
export function lastingReasonText(reason: string): string {
  return reason === 'held' ? 'held, until "certkit release"' : reasonText(reason);
}

/** Why a renewal is not made, which may be due all the same. */
export function notDueText({ reason, reviewAtMs }: Pick<Extract<Event, { type: 'not-due' }>, 'reason' | 'reviewAtMs'>): string {
  const until = reviewAtMs === undefined ? '' : ` until ${when(reviewAtMs)}`;
  switch (reason) {
    case 'held':
      return `renewal ${reviewAtMs === undefined ? lastingReasonText(reason) : `held${until}`}`;
    case 'backing-off':
      return `renewal is due and rests${until} after a failure; at a terminal it is tried at once`;
    case 'ca-resting':
    case 'orders-per-hour':
      return `renewal is due and waits${until} (${reasonText(reason)})`;
    case 'budget':
      return `renewal is due and waits for a later run (${reasonText(reason)})`;
    default:
      return `renewal not due${reviewAtMs === undefined ? '' : ` before ${when(reviewAtMs)}`} (${reasonText(reason)})`;
  }
}

/** What an event says to a person; `undefined` where only a program wants to know. `passing` lines are shown while they last. */
export function eventText(event: Event): { readonly text: string; readonly passing: boolean } | undefined {
  const lasting = (text: string) => ({ text, passing: false });
  const lastingList = (server: string, done: Readonly<Record<string, readonly string[]>>) => {
    const parts = Object.entries(done).flatMap(([verb, files]) => (files.length === 0 ? [] : [`${verb} ${files.join(', ')}`]));
    return parts.length === 0 ? undefined : lasting(`${server}: ${parts.join('; ')}`);
  };
  const passing = (text: string) => ({ text, passing: true });
  switch (event.type) {
    case 'waiting':
      return lasting(`waiting for ${event.on}${event.holder === undefined ? '' : `, held by ${event.holder}`}`);
    case 'jitter':
      return lasting(`waiting until ${new Date(event.untilMs).toISOString().slice(11, 19)} UTC before a CA is asked (--jitter)`);
    case 'ordering':
      return lasting(`${event.lineage}: ordering a certificate for ${event.names.join(', ')} from ${event.ca} (${reasonText(event.reason)})`);
    case 'resuming':
      return lasting(`${event.lineage}: going on with the order ${event.order}`);
    case 'presented':
      return lasting(`${event.lineage}: ${event.challenge} proof for ${event.names.join(', ')} published by ${event.authenticator}`);
    case 'validating':
      return passing(`${event.lineage}: waiting for the CA to validate ${event.names.join(', ')}`);
    case 'issuing':
      return passing(`${event.lineage}: waiting for the CA to issue`);
    case 'renewed':
      return lasting(`${event.lineage}: version ${event.version} obtained, valid until ${when(event.notAfterMs)}`);
    case 'pending': {
      const stays = `version ${event.live} stays in use`;
      if (event.held === true)
        return lasting(
          `${event.lineage}: version ${event.version} waits, since its deployment is held; ${stays}. "certkit release ${event.lineage}" lets it go`,
        );
      const at = event.deployAtMs === undefined ? 'its deploy date' : when(event.deployAtMs);
      return lasting(`${event.lineage}: version ${event.version} waits until ${at}; ${stays}. "certkit deploy ${event.lineage} --now" does not wait`);
    }
    case 'not-due': {
      if (event.what === 'deployment') return undefined; // "certkit status" tells
      return lasting(`${event.lineage}: ${notDueText(event)}`);
    }
    case 'needs-person':
      return lasting(`${event.lineage}: ${personText(event.lineage)}, since ${event.authenticator} asks somebody`);
    case 'revoked': {
      const since = event.revokedAtMs === undefined ? '' : ` on ${when(event.revokedAtMs)}`;
      return lasting(
        `${event.lineage}: the CA revoked version ${event.version}${since}${event.cause === undefined ? '' : ` (${event.cause})`}, says ${event.by}`,
      );
    }
    case 'revocation-unclear':
    case 'not-asked':
      return undefined; // the run log has it
    case 'surveyed':
      return lasting(`found ${event.server}`);
    case 'drift':
      return lasting(`${event.lineage}: ${event.server} is not as the last deployment left it:\n  ${event.what.join('\n  ')}`);
    case 'tested':
      if (event.because !== undefined) return lasting(`${event.server}: the change was not tested beforehand: ${event.because}`);
      return lasting(`${event.server}: ${event.staged ? 'accepts the change (tested without touching its files)' : 'accepts its configuration'}`);
    case 'applied':
      return lastingList(event.server, { wrote: event.files, removed: event.removed ?? [] });
    case 'reloaded':
      return lasting(`${event.server}: reloaded${event.warning === undefined ? '' : `, although its reload command failed: ${event.warning}`}`);
    case 'probing':
      return passing(`${event.server}: waiting until it serves the certificate for ${event.names.join(', ')}`);
    case 'deployed':
      return lasting(`${event.lineage}: version ${event.version} is ${event.servers.length === 0 ? 'live' : `served by ${event.servers.join(', ')}`}`);
    case 'already-served':
      return lasting(
        `${event.lineage}: version ${event.version} is ${event.servers.length === 0 ? 'live' : `served by ${event.servers.join(', ')}`}; nothing to change`,
      );
    case 'unproven':
      return lasting(`${event.lineage}: not proven: ${event.what}: ${event.because}`);
    case 'undone':
      return lasting(`${event.lineage}: taken back${event.servers.length === 0 ? '' : ` at ${event.servers.join(', ')}`}`);
    case 'rolled-back':
      return lasting(
        `${event.lineage}: rolled back from version ${event.from} to ${event.to}; version ${event.from} is not deployed again until "certkit release ${event.lineage}"`,
      );
    case 'undeployed': {
      const where =
        event.servers.length > 0
          ? `taken out of ${event.servers.join(', ')}`
          : `nothing of it was in any server${event.kept === undefined ? '' : ' that was found'}`;
      return lasting(`${event.lineage}: ${where}; it is renewed as before, and no installer puts it anywhere any more`);
    }
    case 'deleted':
      return lasting(`${event.lineage}: deleted, with its versions and keys`);
    case 'recovered':
      return lasting(`recovery: ${event.what}`);
    case 'note':
      return lasting(`${event.lineage === undefined ? '' : `${event.lineage}: `}${event.text}`);
    case 'hook-called':
      return lasting(`${event.hook} hook${forLineages(event.lineages)}: ${event.command}`);
    case 'hook-planned':
      return lasting(`${event.hook} hook${forLineages(event.lineages)} would be called: ${event.command}`);
    case 'hook-failed':
      return lasting(
        `${faultText(event.fault)}${event.nextTryMs === undefined ? '' : `\n  What is served stays. The next unattended run from ${when(event.nextTryMs)} on calls it again.`}`,
      );
    case 'proof-left':
      return lasting(
        `${event.lineage}: the ${event.challenge} proof for ${event.name}, by ${event.authenticator}, was not removed\n  ${faultText(event.fault).replaceAll('\n', '\n  ')}\n  Each run tries again, until it can; "certkit recover --as-is" leaves it to you.`,
      );
    case 'cleanup-failed':
      return lasting(`not cleaned up: ${event.what}: ${faultText(event.fault)}`);
    case 'untold':
      return lasting(`${event.channel} has not taken its news\n  ${faultText(event.fault).replaceAll('\n', '\n  ')}`);
    case 'no-heartbeat':
      return lasting(faultText(event.fault));
    case 'failed':
      return lasting(
        `${event.lineage === undefined ? '' : `${event.lineage}: `}${event.during} failed\n  ${faultText(event.fault).replaceAll('\n', '\n  ')}${event.nextTryMs === undefined ? '' : `\n  The next unattended run from ${when(event.nextTryMs)} on tries again.`}`,
      );
  }
}

/** What is still to be called for the version in use; `undefined` where nothing is. */
export function owedHooksText(owed: OwedHooks | undefined): string | undefined {
  if (owed === undefined) return undefined;
  const { version, attempts } = owed;
  if (attempts === undefined) return `deployed hooks of version ${version} are owed; the next run calls them`;
  const times = attempts.failures === 1 ? 'once' : `${attempts.failures} times`;
  return `a deployed hook of version ${version} has failed ${times}, last ${when(attempts.lastAtMs)} (${attempts.lastCode}); called again from ${when(attempts.notBeforeMs)} on`;
}

const forLineages = (names: readonly string[]) => (names.length > 3 ? ` for ${names.length} lineages` : ` for ${names.join(', ')}`);

/** An error as a person reads it: its code, what happened, the way out. */
export function faultText({ code, message, hint }: { readonly code: string; readonly message: string; readonly hint: string }): string {
  return `${code}: ${message}\n  ${hint}`;
}
