/** What a pattern can match: these names, and names that end in one of these bases, a dot before it. */
export interface RegexNames {
  /** Lower-case. */
  readonly names: readonly string[];
  /** `example.com` for all that ends in `.example.com`, however many labels that has. */
  readonly below: readonly string[];
}

/**
 * A name as a pattern allows it: characters of names, `*` for anything, and the anchors `^` and `$` where they stand.
 * Whatever is not understood becomes `*`, so that a shape allows too much rather than too little.
 */
type Shape = string;

const ANYTHING: readonly Shape[] = ['*'];
const NOTHING_MORE: readonly Shape[] = [''];
const SHAPES_AT_MOST = 64;

/**
 * The names a `server_name` pattern (without its `~`) can match; `undefined` where that may be names of any domain, or is not
 * certain. A pattern matches anywhere in a name unless it is anchored.
 */
export function namesOfRegex(pattern: string): RegexNames | undefined {
  const names = new Set<string>();
  const below = new Set<string>();
  for (const shape of shapesOf(pattern) ?? ANYTHING) {
    const body = anchored(shape);
    if (body === undefined) continue;
    const tail = body.slice(body.lastIndexOf('*') + 1);
    const dot = tail.indexOf('.');
    if (tail === body) names.add(body);
    else if (dot === -1 || dot === tail.length - 1) return undefined;
    else below.add(tail.slice(dot + 1));
  }
  return { names: [...names], below: [...below] };
}

/** Without its anchors, and open at the ends that have none. `undefined`: an anchor that no name can satisfy. */
function anchored(shape: Shape): Shape | undefined {
  const start = shape.lastIndexOf('^');
  const end = shape.indexOf('$');
  const from = start + 1;
  const to = end === -1 ? shape.length : end;
  if (/[^*^$]/.test(shape.slice(0, from) + shape.slice(to))) return undefined;
  return (start === -1 ? '*' : '') + shape.slice(from, Math.max(from, to)) + (end === -1 ? '*' : '');
}

/** A group that is open. What an assertion asks for is left out: without it the pattern matches more. */
interface Group {
  readonly isAssertion: boolean;
  alternatives: readonly Shape[];
  /** The sequence before the piece that a repetition behind it would be about. */
  before: readonly Shape[];
  piece: readonly Shape[];
}

function shapesOf(pattern: string): readonly Shape[] | undefined {
  const stack: Group[] = [groupOf(false)];
  const source = pattern.replace(/^\(\?i\)/, '');

  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at);
    const group = stack.at(-1) as Group;
    const opening = /^\((?:\?(?:P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*'|:|(<?[=!])))?(?![?*])/.exec(rest);
    const repetition = /^(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?/.exec(rest);

    if (opening !== null) {
      stack.push(groupOf(opening[1] !== undefined));
      at += opening[0].length;
    } else if (rest.startsWith('(')) return undefined;
    else if (rest.startsWith(')')) {
      stack.pop();
      const outer = stack.at(-1);
      if (outer === undefined) return undefined;
      append(outer, group.isAssertion ? NOTHING_MORE : either(group.alternatives, joined(group.before, group.piece)));
      at++;
    } else if (rest.startsWith('|')) {
      group.alternatives = either(group.alternatives, joined(group.before, group.piece));
      group.before = NOTHING_MORE;
      group.piece = NOTHING_MORE;
      at++;
    } else if (repetition !== null) {
      group.piece = repetition[0].startsWith('?') ? either(group.piece, NOTHING_MORE) : ANYTHING;
      at += repetition[0].length;
    } else {
      const piece = pieceOf(rest);
      if (piece === undefined) return undefined;
      append(group, piece.shapes);
      at += piece.length;
    }
  }
  const [whole, ...open] = stack;
  return whole === undefined || open.length > 0 ? undefined : either(whole.alternatives, joined(whole.before, whole.piece));
}

function groupOf(isAssertion: boolean): Group {
  return { isAssertion, alternatives: [], before: NOTHING_MORE, piece: NOTHING_MORE };
}

function append(group: Group, shapes: readonly Shape[]): void {
  group.before = joined(group.before, group.piece);
  group.piece = shapes;
}

function either(some: readonly Shape[], others: readonly Shape[]): readonly Shape[] {
  const all = [...new Set([...some, ...others])];
  return all.length > SHAPES_AT_MOST ? ANYTHING : all;
}

function joined(heads: readonly Shape[], tails: readonly Shape[]): readonly Shape[] {
  const ends = heads.length * tails.length > SHAPES_AT_MOST ? ANYTHING : tails;
  return [...new Set(heads.flatMap((head) => ends.map((end) => head + end)))];
}

function pieceOf(rest: string): { readonly shapes: readonly Shape[]; readonly length: number } | undefined {
  if (rest.startsWith('[')) {
    const set = /^\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]/s.exec(rest);
    return set === null ? undefined : { shapes: membersOf(set[0]), length: set[0].length };
  }
  const assertion = /^(?:\\[bB]|(\^|\\A)|(\$|\\[zZ]))/.exec(rest);
  if (assertion !== null) return { shapes: [assertion[1] !== undefined ? '^' : assertion[2] !== undefined ? '$' : ''], length: assertion[0].length };
  const escaped = /^\\(?:([^\dA-Za-z])|[dDwWsSNhHvVR]|[1-9])/s.exec(rest);
  if (escaped !== null) return { shapes: escaped[1] === undefined ? ANYTHING : [literal(escaped[1])], length: escaped[0].length };
  if (rest.startsWith('\\')) return undefined;
  return { shapes: [rest.startsWith('.') ? '*' : literal(rest[0] as string)], length: 1 };
}

function literal(char: string): Shape {
  return /^[\w.-]$/.test(char) ? char.toLowerCase() : '*';
}

/** A class of a few plain characters is each of them; ranges and the like are anything. */
function membersOf(set: string): readonly Shape[] {
  return /^\[[\w.]+\]$/.test(set) ? [...new Set([...set.slice(1, -1)].map(literal))] : ANYTHING;
}
