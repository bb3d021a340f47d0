/** What a pattern is made of, for being matched without going back. */
export type Pattern =
  | { readonly kind: 'character'; readonly is: RegExp }
  /** `^`, `$`, `\b`, `\B`. */
  | { readonly kind: 'boundary'; readonly text: string }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly wanted: boolean; readonly inner: Pattern }
  | { readonly kind: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'alternatives'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'repetition'; readonly inner: Pattern; readonly least: number; readonly most: number };

/**
 * A RegExp whose `test` takes no longer for how its repetitions are nested: `(a+)+$` keeps one that goes back busy for years.
 *
 * All places are followed at once, which is enough for whether there is a match, and needs that nothing refers to a group.
 */
export class SteadyRegExp extends RegExp {
  readonly #pattern: Pattern;

  constructor(source: string, flags: string, pattern: Pattern) {
    super(source, flags);
    this.#pattern = pattern;
  }

  override test(text: string): boolean {
    return endsOf(this.#pattern, text, placesIn(text)).size > 0;
  }
}

const CHOICES_AT_MOST = 6;

/** Whether one that goes back is quick on any name: few choices, and none that is repeated. It is then the quicker one. */
export function isSimple(pattern: Pattern): boolean {
  return choicesIn(pattern) <= CHOICES_AT_MOST;
}

/** A choice of length counts for two of the others, which are between few. */
function choicesIn(pattern: Pattern): number {
  const sum = (parts: readonly Pattern[]) => parts.reduce((choices, part) => choices + choicesIn(part), 0);
  switch (pattern.kind) {
    case 'character':
    case 'boundary':
      return 0;
    case 'look':
      return choicesIn(pattern.inner);
    case 'sequence':
      return sum(pattern.parts);
    case 'alternatives':
      return sum(pattern.parts) + (pattern.parts.length > 1 ? 1 : 0);
    case 'repetition': {
      const inner = choicesIn(pattern.inner);
      if (pattern.most <= 1) return inner + 1;
      return inner > 0 ? Infinity : 2;
    }
  }
}

/** Where a pattern can end that begins at one of these places. */
function endsOf(pattern: Pattern, text: string, starts: ReadonlySet<number>): ReadonlySet<number> {
  if (starts.size === 0) return starts;
  switch (pattern.kind) {
    case 'character':
      return new Set([...starts].filter((at) => at < text.length && pattern.is.test(text[at] as string)).map((at) => at + 1));
    case 'boundary':
      return new Set([...starts].filter((at) => isBoundary(pattern.text, text, at)));
    case 'look': {
      const behind = pattern.ahead ? undefined : endsOf(pattern.inner, text, placesIn(text));
      const isSeen = (at: number) => behind?.has(at) ?? endsOf(pattern.inner, text, new Set([at])).size > 0;
      return new Set([...starts].filter((at) => isSeen(at) === pattern.wanted));
    }
    case 'sequence':
      return pattern.parts.reduce((places, part) => endsOf(part, text, places), starts);
    case 'alternatives':
      return new Set(pattern.parts.flatMap((part) => [...endsOf(part, text, starts)]));
    case 'repetition':
      return endsOfRepetition(pattern, text, starts);
  }
}

function endsOfRepetition({ inner, least, most }: Extract<Pattern, { kind: 'repetition' }>, text: string, starts: ReadonlySet<number>): ReadonlySet<number> {
  let places = starts;
  for (let times = 0; times < least && places.size > 0; times++) {
    const next = endsOf(inner, text, places);
    if (next.size === places.size && [...next].every((at) => places.has(at))) break; // as it stays, however often
    places = next;
  }
  const ends = new Set(places);
  for (let times = least; times < most && places.size > 0; times++) {
    places = new Set([...endsOf(inner, text, places)].filter((at) => !ends.has(at)));
    for (const at of places) ends.add(at);
  }
  return ends;
}

function placesIn(text: string): ReadonlySet<number> {
  return new Set(Array.from({ length: text.length + 1 }, (_, at) => at));
}

function isBoundary(boundary: string, text: string, at: number): boolean {
  if (boundary === '^') return at === 0;
  if (boundary === '$') return at === text.length;
  const isWord = (char: string | undefined) => char !== undefined && /\w/.test(char);
  return (isWord(text[at - 1]) !== isWord(text[at])) === (boundary === '\\b');
}

/** A group that is open, and what stands before it. */
interface Group {
  readonly opening: string;
  readonly alternatives: Pattern[];
  parts: Pattern[];
}

/** @param pieces - of a source that RegExp takes, each a whole character, boundary, repetition, or sign of a group */
export function patternOf(pieces: readonly string[], flags: string): Pattern {
  const groups: Group[] = [groupOf('')];
  for (const piece of pieces) {
    const group = groups.at(-1) as Group;
    if (piece.startsWith('(')) groups.push(groupOf(piece));
    else if (piece === ')') {
      groups.pop();
      groups.at(-1)?.parts.push(closed(group));
    } else if (piece === '|') {
      group.alternatives.push({ kind: 'sequence', parts: group.parts });
      group.parts = [];
    } else if (/^(?:[*+?]|\{\d)/.test(piece)) group.parts.push(repeated(piece, group.parts.pop() as Pattern));
    else if (/^(?:\^|\$|\\[bB])$/.test(piece)) group.parts.push({ kind: 'boundary', text: piece });
    else group.parts.push({ kind: 'character', is: new RegExp(`^${piece}$`, flags) });
  }
  return closed(groups[0] as Group);
}

function groupOf(opening: string): Group {
  return { opening, alternatives: [], parts: [] };
}

function closed({ opening, alternatives, parts }: Group): Pattern {
  const inner: Pattern = { kind: 'alternatives', parts: [...alternatives, { kind: 'sequence', parts }] };
  const look = /^\(\?(<?)([=!])/.exec(opening);
  return look === null ? inner : { kind: 'look', ahead: look[1] === '', wanted: look[2] === '=', inner };
}

/** Whether as much or as little as possible is taken first makes no difference to whether there is a match. */
function repeated(repetition: string, inner: Pattern): Pattern {
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)/.exec(repetition) ?? [];
  if (least !== undefined)
    return { kind: 'repetition', inner, least: Number(least), most: comma === '' ? Number(least) : most === '' ? Infinity : Number(most) };
  return { kind: 'repetition', inner, least: repetition.startsWith('+') ? 1 : 0, most: repetition.startsWith('?') ? 1 : Infinity };
}
