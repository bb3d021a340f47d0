import { utf8OfLatin1 } from '../splice.ts';
import { expandGlob, isGlob } from './glob.ts';
import { parseConfig } from './parser.ts';
import { type Directive, directiveAt, nameAt, TOP, type Tree } from './tree.ts';

/** What loading needs of the machine; nothing is written. */
export interface ConfigReader {
  /** `undefined` where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Names in a directory; `undefined` where there is none. */
  list(path: string): Promise<readonly string[] | undefined>;
  realPath(path: string): Promise<string | undefined>;
}

/** One file that the configuration is made of. */
export interface ConfigFile {
  /** As nginx opens and prints it. */
  readonly path: string;
  /** Without links: the file that an edit changes. Two paths may lead to one file. */
  readonly realPath: string;
  readonly bytes: Uint8Array;
  /** Empty for a file with a fault. */
  readonly tree: Tree;
}

/** A file at one place of the configuration; a file that is included twice has two instances. */
export interface Instance {
  readonly file: ConfigFile;
  /** The include directive that brought it here; `undefined` for the main file. */
  readonly origin: Place | undefined;
  /** For each include directive, by its index and in the order of the file, what it brought, in nginx's order. */
  readonly includes: ReadonlyMap<number, readonly Instance[]>;
}

/** A directive at its place. */
export interface Place {
  readonly instance: Instance;
  readonly index: number;
}

/** What nginx would refuse, or what cannot be read: never skipped in silence. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** The bytes of the file that cannot be parsed, for what can still be said of it; absent where there are none. */
  readonly bytes?: Uint8Array;
  /** The include directive (or, for one that is wrong in itself, the directive) whose content is missing; absent for the main file. */
  readonly place?: Place;
}

export interface ConfigGraph {
  readonly main: Instance;
  /** Every file once, in the order in which `nginx -T` prints them. */
  readonly files: readonly ConfigFile[];
  readonly faults: readonly ConfigFault[];
}

interface Target {
  readonly path: string;
  readonly isPattern: boolean;
}

/** The files that a target is, and what loading each of them gave. */
interface Followed {
  readonly paths: readonly string[];
  readonly loaded: readonly Loaded[];
}

const NOWHERE: Followed = { paths: [], loaded: [] };
const READS_AT_ONCE = 32;
/** Files that include each other in branches double with each step; nginx would die of it, and so should nobody else. */
const INSTANCES_AT_MOST = 100_000;
const BOM = '\u00ef\u00bb\u00bf';

type Growing = Instance & { readonly includes: Map<number, Instance[]> };
type Loaded = { readonly file: ConfigFile; readonly fault?: Omit<ConfigFault, 'place'> } | { readonly file: undefined; readonly because: string };

/**
 * Reads the main configuration and all that it includes, as nginx would.
 *
 * @param mainPath - absolute, as nginx has it: names are relative to its directory, in nested files too
 */
export async function loadGraph(mainPath: string, reader: ConfigReader): Promise<ConfigGraph> {
  const prefix = mainPath.slice(0, mainPath.lastIndexOf('/') + 1);
  const loads = new Map<string, Promise<Loaded>>();
  const followed = new Map<string, Promise<Followed>>(); // every site may include the same snippets
  const faults: ConfigFault[] = [];
  let count = 0;

  const load = (path: string) => {
    const known = loads.get(path) ?? loadFile(path, reader);
    loads.set(path, known);
    return known;
  };
  const follow = (target: Target | undefined) => {
    if (target === undefined) return NOWHERE;
    const key = `${target.isPattern ? 'pattern' : 'file'} ${target.path}`;
    const known = followed.get(key) ?? followTarget(target, reader, load);
    followed.set(key, known);
    return known;
  };
  const place = (loaded: Loaded & { file: ConfigFile }, origin: Place | undefined): Growing => {
    count++;
    const instance: Growing = { file: loaded.file, origin, includes: new Map() };
    const fault = loaded.fault ?? bomFault(instance);
    if (fault !== undefined) faults.push({ ...fault, ...(origin && { place: origin }) });
    return instance;
  };

  const start = await load(mainPath);
  if (start.file === undefined) {
    faults.push({ file: mainPath, line: 0, message: start.because });
    return { main: { file: emptyFile(mainPath), origin: undefined, includes: new Map() }, files: [], faults };
  }
  const main = place(start, undefined);

  let wave: Growing[] = [main];
  while (wave.length > 0) {
    const wanted = wave.flatMap((instance) => includesOf(instance).map((directive) => ({ instance, directive })));
    const next: Growing[] = [];
    for (let at = 0; at < wanted.length; at += READS_AT_ONCE) {
      const together = wanted.slice(at, at + READS_AT_ONCE);
      const answers = await Promise.all(together.map(({ instance, directive }) => follow(targetOf(instance, directive, prefix))));
      for (const [which, { instance, directive }] of together.entries()) {
        const { paths, loaded } = answers[which] as Followed;
        const origin: Place = { instance, index: directive.index };
        const complain = (message: string) => faults.push({ file: instance.file.path, line: directive.line, message, place: origin });
        const brought: Instance[] = [];
        if (directive.args.length !== 1) complain('invalid number of arguments in "include" directive');
        else if (directive.block !== undefined) complain('directive "include" is not terminated by ";"');
        for (const [one, answer] of loaded.entries()) {
          const path = paths[one] as string;
          if (answer.file === undefined) complain(answer.because);
          else if (isWithin(instance, path)) complain(`"${path}" includes itself`);
          else if (count >= INSTANCES_AT_MOST) complain(`more than ${INSTANCES_AT_MOST} included files`);
          else {
            const child = place(answer, origin);
            brought.push(child);
            next.push(child);
          }
        }
        (instance as Growing).includes.set(directive.index, brought);
      }
    }
    wave = next;
  }
  return { main, files: filesOf(main), faults };
}

async function loadFile(path: string, reader: ConfigReader): Promise<Loaded> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await reader.read(path);
  } catch (error) {
    return { file: undefined, because: `"${path}" cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (bytes === undefined) return { file: undefined, because: `"${path}" is not there` };

  const realPath = (await reader.realPath(path)) ?? path;
  const parsed = parseConfig(bytes);
  if (parsed.ok) return { file: { path, realPath, bytes, tree: parsed.tree } };
  return { file: { ...emptyFile(path), realPath, bytes }, fault: { file: path, line: parsed.fault.line, message: parsed.fault.message, bytes } };
}

function emptyFile(path: string): ConfigFile {
  const bytes = new Uint8Array();
  const parsed = parseConfig(bytes);
  if (!parsed.ok) throw new Error('an empty file is a configuration');
  return { path, realPath: path, bytes, tree: parsed.tree };
}

/** Where the file's top level stands: what the innermost block around it makes of a word. */
function grammarAround(instance: Instance, parent: number): 'directives' | 'data' | 'geo' | 'closed' {
  for (let at: Place | undefined = { instance, index: parent }; at !== undefined; ) {
    if (at.index !== TOP) return grammarOf(nameAt(at.instance.file.tree, at.index));
    const origin: Place | undefined = at.instance.origin;
    at = origin && { instance: origin.instance, index: origin.instance.file.tree.columns.parent[origin.index] as number };
  }
  return 'directives';
}

function grammarOf(block: string): 'directives' | 'data' | 'geo' | 'closed' {
  switch (block) {
    case 'map':
    case 'types':
      return 'data';
    case 'geo':
      return 'geo';
    case 'split_clients':
    case 'charset_map':
      return 'closed'; // "include" is data like any other word there
    default:
      return 'directives';
  }
}

function includesOf(instance: Instance): Directive[] {
  const { tree } = instance.file;
  const found: Directive[] = [];
  for (let index = 0; index < tree.size; index++) {
    if (!isInclude(tree, index)) continue;
    const directive = directiveAt(tree, index);
    const grammar = grammarAround(instance, directive.parent);
    if (grammar === 'closed') continue;
    if (grammar === 'directives' || directive.args.length === 1) found.push(directive);
  }
  return found;
}

/** Looks at the bytes first: a file may hold a million words that are not "include". */
function isInclude(tree: Tree, index: number): boolean {
  const { bytes, columns } = tree;
  const word = columns.firstWord[index] as number;
  const start = columns.wordStart[word] as number;
  const length = (columns.wordEnd[word] as number) - start;
  return (length === 7 || length === 9) && (bytes[start] === 0x69 || bytes[start] === 0x22 || bytes[start] === 0x27) && nameAt(tree, index) === 'include';
}

/** What an include names; a wrong one names nothing. */
function targetOf(instance: Instance, directive: Directive, prefix: string): Target | undefined {
  const { args } = directive;
  if (args.length !== 1 || directive.block !== undefined) return undefined;
  const name = utf8OfLatin1(args[0] as string);
  const path = name.startsWith('/') ? name : prefix + name;
  // geo opens its files by itself, and knows no patterns.
  return { path, isPattern: isGlob(path) && grammarAround(instance, directive.parent) !== 'geo' };
}

async function followTarget({ path, isPattern }: Target, reader: ConfigReader, load: (path: string) => Promise<Loaded>): Promise<Followed> {
  const paths = isPattern ? await expandGlob(path, (directory) => reader.list(directory)) : [path];
  return { paths, loaded: await Promise.all(paths.map(load)) };
}

function isWithin(instance: Instance, path: string): boolean {
  for (let at: Instance | undefined = instance; at !== undefined; at = at.origin?.instance) if (at.file.path === path) return true;
  return false;
}

/** A byte order mark is part of the first word, which is then the name of a directive that nobody knows. */
function bomFault(instance: Instance): Omit<ConfigFault, 'place'> | undefined {
  const { path, bytes, tree } = instance.file;
  if (tree.size === 0 || !tree.text.startsWith(BOM) || grammarAround(instance, TOP) !== 'directives') return undefined;
  return { file: path, line: 1, message: `unknown directive "${nameAt(tree, 0)}": the file begins with a byte order mark`, bytes };
}

function filesOf(main: Instance): ConfigFile[] {
  const files = new Map<string, ConfigFile>();
  const stack: Instance[] = [main];
  for (let instance = stack.pop(); instance !== undefined; instance = stack.pop()) {
    const { file, includes } = instance;
    if (!files.has(file.path)) files.set(file.path, file);
    if (includes.size > 0) stack.push(...[...includes.values()].flat().reverse());
  }
  return [...files.values()];
}
