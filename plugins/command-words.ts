/** A command as its words, or what is wrong with it. */
type Command = { readonly ok: true; readonly value: readonly string[] } | { readonly ok: false; readonly because: string };

const WAY_OUT = 'no shell reads a command: put it in a script, or quote the character if it is meant as it stands';
/** What a shell would act upon outside quotes. A word's own `~` counts where it begins one. */
const SHELL = /[|;&<>()`*\n\r]/;
const EXPANSION = /^\$[A-Za-z0-9_{(?$!#@*'"-]/;

/** Reads a command: a list of words as it is, or one text split into words with a shell's quoting and nothing else of a shell. */
export function parseCommand(raw: unknown): Command {
  const words = Array.isArray(raw) ? wordsOfList(raw) : typeof raw === 'string' ? split(raw) : refused('it is not a command: a text, or a list of words');
  if (!words.ok) return words;
  if (words.value[0] === undefined || words.value[0].trim() === '') return refused('it is empty');
  if (words.value.some((word) => word.includes('\0'))) return refused('it holds a NUL character');
  return words;
}

function wordsOfList(list: readonly unknown[]): Command {
  // YAML reads `[sleep, 1]` with a number in it.
  const fits = list.every((word) => typeof word === 'string' || typeof word === 'number');
  return fits ? { ok: true, value: list.map(String) } : refused('a list of words holds something that is not text');
}

function split(text: string): Command {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '' | '"' | "'" = '';

  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === "'") {
      if (char === "'") quote = '';
      else word += char;
      continue;
    }
    if (char === '`' || (char === '$' && EXPANSION.test(text.slice(at, at + 2)))) return refused(`"${char}" asks for a shell; ${WAY_OUT}`);

    if (char === '\\') {
      at += 1;
      const next = text.charAt(at);
      if (next === '') return refused('it ends in a backslash');
      // Within double quotes a backslash escapes these alone (POSIX shell, section 2.2.3).
      word = (word ?? '') + (quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next);
    } else if (quote === '"') {
      if (char === '"') quote = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (SHELL.test(char) || (char === '~' && word === undefined)) {
      return refused(`${char === '\n' || char === '\r' ? 'a second line' : `"${char}"`} asks for a shell; ${WAY_OUT}`);
    } else if (char === '=' && words.length === 0 && /^\w+$/.test(word ?? '')) {
      return refused(`setting a variable asks for a shell; ${WAY_OUT}`);
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') return refused(`a ${quote === '"' ? 'double' : 'single'} quote is not closed`);
  return { ok: true, value: word === undefined ? words : [...words, word] };
}

function refused(because: string): Command {
  return { ok: false, because };
}
