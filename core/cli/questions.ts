import { fault } from '../errors.ts';
import type { Terminal } from './output.ts';

/** Asks until the answer will do. The end of input is the person leaving. */
export async function askFor<T>(
  terminal: Terminal,
  question: string,
  read: (answer: string) => { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string },
): Promise<T> {
  for (;;) {
    const answer = await terminal.ask(question);
    if (answer === undefined) throw fault('USAGE_INVALID', { problem: 'The question was not answered' });
    const result = read(answer.trim());
    if (result.ok) return result.value;
    terminal.err(`${result.because}\n`);
  }
}

/** Several of a numbered list: `1 3`, `2,4`, or nothing for all. */
export async function askForSome(terminal: Terminal, title: string, items: readonly string[]): Promise<readonly string[]> {
  terminal.err(`${title}\n${items.map((item, at) => `  ${at + 1}  ${item}`).join('\n')}\n`);
  return askFor(terminal, 'Which? Numbers, or Enter for all: ', (answer) => {
    if (answer === '') return { ok: true, value: items };
    const chosen = answer.split(/[\s,]+/).map((number) => (/^\d+$/.test(number) ? items[Number(number) - 1] : undefined));
    return chosen.every((item) => item !== undefined) ? { ok: true, value: chosen } : { ok: false, because: `Numbers from 1 to ${items.length}, please.` };
  });
}

/** At a terminal the terms of service are a question; elsewhere nobody can agree to them. */
export async function askToAgree(message: string, terminal: Terminal): Promise<boolean> {
  if (!terminal.interactive) return false;
  return (await terminal.ask(`${message}\nDo you agree? [y/N] `))?.trim().toLowerCase() === 'y';
}
