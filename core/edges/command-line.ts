const PLAIN = /^[\w@%+=:,./-]+$/;

/** A program and its arguments as a person would type them in a POSIX shell. For messages; nothing runs it. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
