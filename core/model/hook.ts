/** When a program of the administrator's is called. */
export type HookEvent = 'pre' | 'post' | 'renewed' | 'deployed' | 'failed';

export const HOOK_EVENTS: readonly HookEvent[] = ['pre', 'post', 'renewed', 'deployed', 'failed'];

/** Called once with all lineages that it is for, or once for each of them. */
export type HookTurn = 'per-run' | 'per-lineage';

/** A hook as a file says it; what it does not say is absent. */
export interface HookDeclaration {
  readonly run: readonly string[];
  readonly once?: HookTurn;
  readonly timeoutMs?: number;
}

export type HookDeclarations = Readonly<Partial<Record<HookEvent, readonly HookDeclaration[]>>>;

/** A program and how it is called. */
export interface Hook {
  readonly event: HookEvent;
  readonly run: readonly string[];
  readonly once: HookTurn;
  readonly timeoutMs: number;
  /** The file that names it, or that it is. */
  readonly origin: string;
  /** Its place in that file's list of the event; absent where the file is the program. */
  readonly index?: number;
}

/** What a hook is told of one lineage. */
export interface HookSubject {
  readonly name: string;
  readonly names: readonly string[];
  /** What the run has brought it so far. */
  readonly outcome?: 'renewed' | 'deployed' | 'failed';
  readonly version?: number;
  /** Directory of that version. */
  readonly versionPath?: string;
  /** The link to the version in use. */
  readonly live?: string;
  readonly fault?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** What a hook is told beside its lineages. */
export interface HookCircumstances {
  readonly home: string;
  /** 1 at first; more when it was called for the same before, or may have been. */
  readonly attempt: number;
}

const TIMEOUT_MS = 5 * 60_000;
const TURNS: Readonly<Record<HookEvent, HookTurn>> = {
  pre: 'per-run',
  post: 'per-run',
  renewed: 'per-lineage',
  deployed: 'per-lineage',
  failed: 'per-lineage',
};

/** The hook that a declaration means, with what it leaves out. */
export function hookOf(event: HookEvent, { run, once = TURNS[event], timeoutMs = TIMEOUT_MS }: HookDeclaration, origin: string, index?: number): Hook {
  return { event, run, once, timeoutMs, origin, ...(index === undefined ? {} : { index }) };
}

/** What a person calls it. */
export function hookTitle({ run }: Pick<Hook, 'run'>): string {
  return run.join(' ');
}
