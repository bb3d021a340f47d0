import { withoutOrders } from '../errors.ts';
import type { Event, Tell } from '../model/event.ts';
import { eventText, faultText } from './words.ts';

/** The schema that `--json` prints; a breaking change of it gets a new number. */
export const JSON_SCHEMA = 1;

export type OutputMode = 'human' | 'json' | 'events';

/** Where a command speaks, and whether somebody can answer. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** A person is at both ends: progress lines may be overwritten, questions asked. */
  readonly interactive: boolean;
  /** `undefined` at the end of input. */
  ask(question: string): Promise<string | undefined>;
}

export interface Output {
  readonly mode: OutputMode;
  readonly tell: Tell;
  /** Words for people; to the error stream when the output is for programs. */
  say(text: string): void;
  /** The one object of `--json`; the last line of `--json=events`. */
  result(command: string, facts: Readonly<Record<string, unknown>>): void;
  failure(fault: { readonly code: string; readonly message: string; readonly hint: string }): void;
}

/** Said to who asks, and left out of the scheduler's runs, which say nothing when they do nothing. */
const ROUTINE: ReadonlySet<Event['type']> = new Set(['not-due', 'needs-person', 'surveyed', 'jitter']);

const TROUBLE: ReadonlySet<Event['type']> = new Set(['failed', 'cleanup-failed', 'proof-left', 'untold', 'hook-failed', 'no-heartbeat']);

/** @param quiet - routine lines are left out */
export function createOutput(mode: OutputMode, terminal: Terminal, quiet: boolean): Output {
  let passing = '';
  const servers = new Set<string>();
  /** A single server is named in full once, then by its product. */
  const shortly = (text: string) => {
    const [only = ''] = servers;
    return servers.size === 1 ? text.replaceAll(only, only.replace(/ at .*$/, '')) : text;
  };
  const clear = () => {
    if (passing !== '') terminal.err('\r\x1b[K');
    passing = '';
  };
  const say = (text: string) => {
    clear();
    if (mode === 'human') terminal.out(`${text}\n`);
    else terminal.err(`${text}\n`);
  };

  return {
    mode,
    say,
    tell(event: Event) {
      if (mode === 'events') terminal.out(`${JSON.stringify({ schema: JSON_SCHEMA, event })}\n`);
      const words = quiet && ROUTINE.has(event.type) ? undefined : eventText(event);
      if (event.type === 'surveyed') servers.add(event.server);
      if (words === undefined) return;
      const text = withoutOrders(event.type === 'surveyed' || event.type === 'failed' ? words.text : shortly(words.text));
      if (TROUBLE.has(event.type)) {
        clear();
        terminal.err(`${text}\n`);
      } else if (!words.passing || !terminal.interactive) say(text);
      else {
        clear();
        passing = text;
        terminal.err(passing);
      }
    },
    result(command, facts) {
      clear();
      if (mode !== 'human') terminal.out(`${JSON.stringify({ schema: JSON_SCHEMA, command, ...facts }, undefined, mode === 'json' ? 2 : undefined)}\n`);
    },
    failure(fault) {
      clear();
      terminal.err(`${faultText(fault)}\n`);
      if (mode !== 'human') terminal.out(`${JSON.stringify({ schema: JSON_SCHEMA, error: { code: fault.code, message: fault.message, hint: fault.hint } })}\n`);
    },
  };
}
