import type { WrittenEdit } from '../model/written.ts';

/** Lines that stand for the start and the end of a file. No byte is written as such a character. */
const START = '\u2402';
const END = '\u2403';

/** Begins a line of a context that stood only once in its file. */
const FLAG = '\u2691';

/** So many lines that stand only once are remembered on either side. */
const LANDMARKS = 5;
const CONTEXT_CHARS = 65_536;

/** What frames a text, so that its start and end can be found like lines in it. */
export const FRAME = [`\n${START}\n`, `\n${END}\n`] as const;

/** What is known of where an edit stands, from the lines on one side of it. */
export interface Bound {
  /** The end, towards the edit, of the nearest line that stood only once and does so still. */
  readonly edge: number;
  /** Where the edit begins or ends, if nothing between it and that line was changed. */
  readonly place: number | undefined;
  /** How many such lines there are until something was changed. */
  readonly landmarks: number;
  /** The nearest of them is of the block that the edit is in: a block that came or went beside it makes no difference. */
  readonly isInside: boolean;
}

/** The lines before `start` and after `end` of a framed text, as far as the fifth that stands only once. */
export function surroundingsOf(text: string, start: number, end: number): { readonly before: string; readonly after: string } {
  return { before: linesAbove(text, start), after: linesBelow(text, end) };
}

/** @param touched - lines that are known to come and go, and say nothing */
export function boundAbove(text: string, before: string, touched: ReadonlySet<string>): Bound | undefined {
  const lines = before.split('\n');
  const runs = lines.slice(0, -1).map((line, at) => ({ line, run: plain(lines.slice(at).join('\n')) }));
  return boundOf(text, runs.reverse(), touched, ({ line, run }, at) => ({
    edge: at + line.length,
    start: at,
    place: at + run.length,
    isInside: !leavesBlock(run.split('\n').reverse(), -1),
  }));
}

export function boundBelow(text: string, after: string, touched: ReadonlySet<string>): Bound | undefined {
  const lines = after.split('\n');
  const runs = lines.slice(0, -1).map((line, at) => ({ line, run: plain(lines.slice(0, at + 1).join('\n')) }));
  return boundOf(text, runs, touched, ({ line, run }, at) => ({
    edge: at,
    start: at + line.length - 1 - run.length,
    place: at + line.length - 1 - run.length,
    isInside: !leavesBlock(run.split('\n'), 1),
  }));
}

/** @param runs - the lines of a context, the nearest first, each with all that stood between it and the edit */
function boundOf<R extends { readonly line: string; readonly run: string }>(
  text: string,
  runs: readonly R[],
  touched: ReadonlySet<string>,
  at: (run: R, place: number) => { readonly edge: number; readonly start: number; readonly place: number; readonly isInside: boolean },
): Bound | undefined {
  let bound: Bound | undefined;
  for (const each of runs) {
    const found = landmarkAt(text, each.line, touched);
    if (found === undefined) continue;
    const { edge, start, place, isInside } = at(each, found);
    const isUnbroken = start > 0 && text.startsWith(each.run, start);
    if (!isUnbroken) return bound ?? { edge, place: undefined, landmarks: 0, isInside };
    bound = { edge: bound?.edge ?? edge, place, landmarks: (bound?.landmarks ?? 0) + 1, isInside: bound?.isInside ?? isInside };
  }
  return bound;
}

/** Whether the way over these lines, downwards or upwards, leads out of a block in braces or tags. */
function leavesBlock(lines: readonly string[], direction: 1 | -1): boolean {
  let depth = 0;
  return lines.some((line) => {
    for (const [mark] of line.matchAll(/[{}]|<\/?(?=[A-Za-z])/g)) depth += mark === '{' || mark === '<' ? direction : -direction;
    return depth < 0;
  });
}

/** What stood before the edit on its own line. */
export function frontOf(before: string): string {
  return before.slice(before.lastIndexOf('\n') + 1);
}

/** What stood behind it on its own line, with the line's end. */
export function backOf(inserted: string, after: string): string {
  return inserted.endsWith('\n') ? '' : after.slice(0, after.indexOf('\n') + 1);
}

/** The lines that an edit has changed, as they were and as they became. */
export function linesTouched({ before, removed, inserted, after }: WrittenEdit): readonly string[] {
  const [front, back] = [frontOf(before), backOf(inserted === '' ? removed : inserted, after)];
  return [removed, inserted].flatMap((text) => (front + text + back).split('\n'));
}

/** Whether a line says something: a brace or a word alone stands everywhere, and a comment goes anywhere. */
export function isTelling(line: string): boolean {
  return !line.trimStart().startsWith('#') && line.split(/\s+/).filter((word) => /[A-Za-z0-9]/.test(word)).length >= 2;
}

function linesAbove(text: string, start: number): string {
  let at = text.lastIndexOf('\n', start - 1) + 1;
  const lines = [text.slice(at, start)];
  for (let left = LANDMARKS; left > 0 && at > 1 && start - at < CONTEXT_CHARS; ) {
    const from = text.lastIndexOf('\n', at - 2) + 1;
    const line = flagged(text, text.slice(from, at - 1));
    lines.unshift(line);
    if (line.startsWith(FLAG)) left--;
    at = from;
  }
  return lines.join('\n');
}

function linesBelow(text: string, end: number): string {
  let at = text[end - 1] === '\n' ? end : text.indexOf('\n', end) + 1;
  let context = text.slice(end, at);
  for (let left = LANDMARKS; left > 0 && at < text.length && at - end < CONTEXT_CHARS; ) {
    const to = text.indexOf('\n', at);
    const line = flagged(text, text.slice(at, to));
    context += `${line}\n`;
    if (line.startsWith(FLAG)) left--;
    at = to + 1;
  }
  return context;
}

function flagged(text: string, line: string): string {
  const isLandmark = (line === START || line === END || isTelling(line)) && onlyPlaceOf(text, line) !== undefined;
  return isLandmark ? `${FLAG}${line}` : line;
}

function landmarkAt(text: string, line: string, touched: ReadonlySet<string>): number | undefined {
  const plainLine = line.slice(FLAG.length);
  return line.startsWith(FLAG) && !touched.has(plainLine) ? onlyPlaceOf(text, plainLine) : undefined;
}

/** Where the line begins; `undefined` unless it stands exactly once. */
function onlyPlaceOf(text: string, line: string): number | undefined {
  const whole = `\n${line}\n`;
  const at = text.indexOf(whole);
  return at === -1 || text.indexOf(whole, at + 1) !== -1 ? undefined : at + 1;
}

function plain(context: string): string {
  return context.replaceAll(FLAG, '');
}
