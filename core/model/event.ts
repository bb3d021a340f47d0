import type { ChallengeType } from './challenge.ts';
import type { HookEvent } from './hook.ts';

/** An error as an event carries it. */
export interface EventFault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** What happens, told once, for people, for `--json=events` and for the run log. Times are milliseconds since the epoch. */
export type Event =
  | { readonly type: 'waiting'; readonly on: string; readonly holder?: string }
  /** Nobody watches, and a CA is to be asked: the run waits until then, by chance. */
  | { readonly type: 'jitter'; readonly untilMs: number }
  | { readonly type: 'ordering'; readonly lineage: string; readonly names: readonly string[]; readonly ca: string; readonly reason: string }
  | { readonly type: 'resuming'; readonly lineage: string; readonly order: string }
  | {
      readonly type: 'presented';
      readonly lineage: string;
      readonly names: readonly string[];
      readonly challenge: ChallengeType;
      readonly authenticator: string;
    }
  | { readonly type: 'validating'; readonly lineage: string; readonly names: readonly string[] }
  | { readonly type: 'issuing'; readonly lineage: string }
  | { readonly type: 'renewed'; readonly lineage: string; readonly version: number; readonly notAfterMs: number }
  /** `held`: by a person, and until they let it go or the hold ends by itself. */
  | {
      readonly type: 'pending';
      readonly lineage: string;
      readonly version: number;
      readonly live: number;
      readonly deployAtMs?: number;
      readonly held?: boolean;
    }
  | {
      readonly type: 'not-due';
      readonly lineage: string;
      readonly what: 'renewal' | 'deployment';
      readonly reason: string;
      readonly reviewAtMs?: number;
      /** Directory URL of the CA, where that is what is waited for. */
      readonly ca?: string;
    }
  /** A renewal is due, and only somebody at a terminal can do it. */
  | { readonly type: 'needs-person'; readonly lineage: string; readonly authenticator: string }
  /** The CA did not say when it wants a renewal; the calendar counts. */
  | { readonly type: 'not-asked'; readonly lineage: string; readonly because: string }
  /** The CA revoked a certificate that is in use or is to be: `by` is the URL that says so. Told by each run until another took its place. */
  | {
      readonly type: 'revoked';
      readonly lineage: string;
      readonly version: number;
      readonly by: string;
      readonly revokedAtMs?: number;
      readonly cause?: string;
    }
  /** Whether it is revoked is not known: nothing is decided on it. */
  | { readonly type: 'revocation-unclear'; readonly lineage: string; readonly version: number; readonly because: string }
  | { readonly type: 'surveyed'; readonly server: string; readonly lineages: readonly string[] }
  /** The configuration is not as the last deployment left it: what somebody changed since, a line each. */
  | { readonly type: 'drift'; readonly lineage: string; readonly server: string; readonly what: readonly string[] }
  | { readonly type: 'tested'; readonly server: string; readonly staged: boolean; readonly because?: string }
  | { readonly type: 'applied'; readonly server: string; readonly files: readonly string[]; readonly removed?: readonly string[] }
  | { readonly type: 'reloaded'; readonly server: string; readonly warning?: string }
  | { readonly type: 'probing'; readonly server: string; readonly names: readonly string[] }
  | { readonly type: 'deployed'; readonly lineage: string; readonly version: number; readonly servers: readonly string[] }
  | { readonly type: 'already-served'; readonly lineage: string; readonly version: number; readonly servers: readonly string[] }
  | { readonly type: 'unproven'; readonly lineage: string; readonly what: string; readonly because: string }
  | { readonly type: 'undone'; readonly lineage: string; readonly servers: readonly string[] }
  | { readonly type: 'rolled-back'; readonly lineage: string; readonly from: number; readonly to: number }
  /** `left`: placed files that stay. `kept`: files that no server reads now, with what was written there. */
  | {
      readonly type: 'undeployed';
      readonly lineage: string;
      readonly servers: readonly string[];
      readonly left: readonly string[];
      readonly kept?: readonly string[];
    }
  | { readonly type: 'deleted'; readonly lineage: string }
  | { readonly type: 'recovered'; readonly what: string }
  | { readonly type: 'note'; readonly lineage?: string; readonly text: string }
  | { readonly type: 'cleanup-failed'; readonly what: string; readonly fault: EventFault }
  /** A proof could not be removed; each run tries again. */
  | {
      readonly type: 'proof-left';
      readonly lineage: string;
      readonly name: string;
      readonly challenge: string;
      readonly authenticator: string;
      readonly fault: EventFault;
    }
  | { readonly type: 'hook-called'; readonly hook: HookEvent; readonly command: string; readonly lineages: readonly string[] }
  /** A dry run: it would be. */
  | { readonly type: 'hook-planned'; readonly hook: HookEvent; readonly command: string; readonly lineages: readonly string[] }
  /** `tries` and `nextTryMs`: of hooks that are called again until they end well. */
  | {
      readonly type: 'hook-failed';
      readonly hook: HookEvent;
      readonly lineages: readonly string[];
      readonly fault: EventFault;
      readonly tries?: number;
      readonly nextTryMs?: number;
    }
  /** A channel has not taken its message. */
  | { readonly type: 'untold'; readonly channel: string; readonly fault: EventFault }
  /** The heartbeat after the run could not be sent. */
  | { readonly type: 'no-heartbeat'; readonly fault: EventFault }
  | {
      readonly type: 'failed';
      readonly lineage?: string;
      readonly during: 'renewal' | 'deployment' | 'rollback' | 'undeployment' | 'recovery';
      readonly fault: EventFault;
      readonly nextTryMs?: number;
      /** Directory URL of the CA, where that as a whole has failed and not this lineage alone. */
      readonly ca?: string;
      /** How often it has since it last issued. */
      readonly caFailures?: number;
    };

/** Tells the event to whoever listens; never throws and never waits. */
export type Tell = (event: Event) => void;
