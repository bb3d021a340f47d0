/** What a scheduled run is made of; every path absolute, for a scheduler knows no working directory. */
export interface EntryFacts {
  /** Of Node, as it runs now. */
  readonly node: string;
  /** certkit's start file. */
  readonly program: string;
  readonly home: string;
  /** For the programs that a run starts; cron's own PATH lacks /usr/local/bin. */
  readonly path: string;
  /** Name of this machine: each has its own minute of the hour. */
  readonly host: string;
}

/** The first line of every file of ours: what has it is ours to replace and remove, and nothing else is. */
export const MARK = '# Written by "certkit schedule install"; "certkit schedule remove" takes it away.';

export function isOurs(text: string): boolean {
  return text.includes(MARK);
}

/** Whether two texts of ours differ in no more than PATH: who asks has another one than who installed, and both will do. */
export function sameButForPath(a: string, b: string): boolean {
  const withoutPath = (text: string) => text.replace(/\bPATH=.*?(?= exec |"$|$)/gm, '');
  return withoutPath(a) === withoutPath(b);
}

export function commandOf({ node, program, home }: EntryFacts, command: readonly string[]): readonly string[] {
  return [node, program, '--home', home, ...command];
}

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w/.:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
