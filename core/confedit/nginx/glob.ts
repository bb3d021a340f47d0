import { latin1OfUtf8 } from '../splice.ts';

// glob(3) as nginx calls it: no flags, C locale. So wildcards skip dot files, `\` escapes, and paths come sorted by bytes.

/** Names in a directory; `undefined` where there is no directory. */
export type ListDirectory = (path: string) => Promise<readonly string[] | undefined>;

/** Whether nginx takes the path of an `include` for a pattern (an escaped wildcard counts too). */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The paths that match, written as the pattern writes its directories and slashes. No match is an empty list. */
export async function expandGlob(pattern: string, list: ListDirectory): Promise<readonly string[]> {
  let found = [/^\/*/.exec(pattern)?.[0] ?? ''];
  for (const [, component = '', slashes = ''] of pattern.matchAll(/([^/]+)(\/*)/g)) {
    const next: string[] = [];
    for (const base of found) {
      const names = isGlob(component) || slashes === '' ? await namesIn(base, component, list) : [component.replace(/\\(.)/gs, '$1')];
      for (const name of names) next.push(base + name + slashes);
    }
    found = next;
  }
  return found.sort(byBytes);
}

async function namesIn(base: string, component: string, list: ListDirectory): Promise<readonly string[]> {
  const names = await list(base === '' ? '.' : base.replace(/(?<=.)\/+$/, ''));
  return names === undefined ? [] : ['.', '..', ...names].filter(matcherOf(component));
}

/** Whether a name in one directory matches one component of a pattern. Bytes are compared: a letter beyond ASCII is as many `?` as it has bytes. */
export function matchesComponent(pattern: string, name: string): boolean {
  return matcherOf(pattern)(name);
}

function matcherOf(pattern: string): (name: string) => boolean {
  const regex = compileComponent(latin1OfUtf8(pattern));
  const seesDotFiles = pattern.startsWith('.') || pattern.startsWith('\\.');
  return (name) => (seesDotFiles || !name.startsWith('.')) && regex.test(latin1OfUtf8(name));
}

/** By the bytes of their UTF-8, as strcmp compares. */
export function byBytes(a: string, b: string): number {
  const [x, y] = [latin1OfUtf8(a), latin1OfUtf8(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

const NOTHING = '(?!)';

function compileComponent(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] as string;
    if (char === '*') source += source.endsWith('.*') ? '' : '.*';
    else if (char === '?') source += '.';
    else if (char === '\\')
      source += at + 1 < pattern.length ? escaped(pattern[++at] as string) : NOTHING; // one that escapes nothing matches nothing
    else if (char === '[') {
      const set = bracketAt(pattern, at);
      source += set === undefined ? '\\[' : set.source;
      if (set !== undefined) at = set.end;
    } else source += escaped(char);
  }
  return new RegExp(`^${source}$`, 's');
}

/** A bracket expression; `undefined` where none is closed, for then `[` is a character. A `]` that comes first is a member. */
function bracketAt(pattern: string, start: number): { readonly source: string; readonly end: number } | undefined {
  let at = start + 1;
  const isNegated = pattern[at] === '!' || pattern[at] === '^';
  if (isNegated) at++;
  let members = '';
  for (let isFirst = true; at < pattern.length; isFirst = false, at++) {
    const char = pattern[at] as string;
    if (char === ']' && !isFirst) return { source: isNegated ? `[^${members}]` : members === '' ? NOTHING : `[${members}]`, end: at };
    const named = /^\[(?::([a-y]*):|([.=])(.)\2)\]/s.exec(pattern.slice(at));
    if (named !== null) {
      const [text, className, , symbol = ''] = named;
      const member = className === undefined ? escaped(symbol) : CLASSES[className];
      if (member === undefined) return { source: NOTHING, end: pattern.length };
      members += member;
      at += text.length - 1;
      continue;
    }
    const from = memberAt(pattern, at);
    at = from.end;
    if (pattern[at + 1] === '-' && pattern[at + 2] !== undefined && pattern[at + 2] !== ']') {
      const to = memberAt(pattern, at + 2);
      at = to.end;
      if (from.char <= to.char) members += `${escaped(from.char)}-${escaped(to.char)}`; // a range turned round matches nothing
    } else members += escaped(from.char);
  }
  return undefined;
}

function memberAt(pattern: string, at: number): { readonly char: string; readonly end: number } {
  const isEscaped = pattern[at] === '\\' && at + 1 < pattern.length;
  const end = isEscaped ? at + 1 : at;
  return { char: pattern[end] as string, end };
}

/** Classes of the C locale. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: ' \\t-\\r',
  xdigit: '0-9A-Fa-f',
};

function escaped(byte: string): string {
  return /[0-9A-Za-z]/.test(byte) ? byte : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
