import { utf8OfLatin1 } from '../splice.ts';
import type { ConfigFault, ConfigFile, ConfigGraph, Instance } from './graph.ts';
import { directiveAt, type Tree } from './tree.ts';

/** A file as the payload has it: once, wherever it is included. */
export interface CrossplaneFile {
  readonly path: string;
  /** Empty for a file that cannot be read. */
  readonly tree: Tree;
  readonly errors: readonly CrossplaneError[];
  /** For each include directive, by its index, where in the payload its files are. */
  readonly includes: ReadonlyMap<number, readonly number[]>;
}

export interface CrossplaneError {
  readonly error: string;
  /** JSON's null for a file that could not even be opened. */
  readonly line: number | null;
}

/**
 * The files of a configuration in the order of the payload: the main file, then what each of the files before includes.
 *
 * @param absent - paths that were asked for while the graph was loaded, and are not there
 */
export function crossplaneFilesOf(graph: ConfigGraph, absent: ReadonlySet<string>): readonly CrossplaneFile[] {
  const sources = sourcesOf(graph.main);
  const errors = errorsByFile(graph, absent);
  const order = [graph.main.file.path];
  const places = new Map([[graph.main.file.path, 0]]);
  const files: CrossplaneFile[] = [];

  for (const path of order) {
    const { file, targets } = sources.get(path) as Source;
    const includes = new Map<number, readonly number[]>();
    for (const [directive, paths] of [...targets].sort(([a], [b]) => a - b)) {
      for (const target of paths) {
        if (places.has(target)) continue;
        places.set(target, order.length);
        order.push(target);
      }
      includes.set(
        directive,
        paths.map((target) => places.get(target) as number),
      );
    }
    files.push({ path, tree: file.tree, errors: errors.get(path) ?? [], includes });
  }
  return files;
}

interface Source {
  readonly file: ConfigFile;
  /** For each include directive, what it brings. */
  readonly targets: Map<number, readonly string[]>;
}

/** An include of one file may bring more in one context than in another, where it is data; the payload knows the file only once. */
function sourcesOf(main: Instance): ReadonlyMap<string, Source> {
  const sources = new Map<string, Source>();
  const stack = [main];
  for (let instance = stack.pop(); instance !== undefined; instance = stack.pop()) {
    const { file, includes } = instance;
    const source = sources.get(file.path) ?? { file, targets: new Map() };
    sources.set(file.path, source);
    for (const [directive, brought] of includes) {
      const known = source.targets.get(directive);
      if (known === undefined || known.length < brought.length) {
        source.targets.set(
          directive,
          brought.map((child) => child.file.path),
        );
      }
      for (const child of brought) stack.push(child);
    }
  }
  return sources;
}

function errorsByFile({ main, faults }: ConfigGraph, absent: ReadonlySet<string>): ReadonlyMap<string, readonly CrossplaneError[]> {
  const directory = main.file.path.slice(0, main.file.path.lastIndexOf('/') + 1);
  const said = new Set<string>();
  const errors = new Map<string, CrossplaneError[]>();
  for (const fault of faults) {
    // Each place that includes a file has the faults of that file again.
    const key = `${fault.bytes === undefined ? fault.place?.index : ''} ${fault.line} ${fault.file} ${fault.message}`;
    if (said.has(key)) continue;
    said.add(key);
    const ofFile = errors.get(fault.file) ?? [];
    ofFile.push(errorOf(fault, absent, directory));
    errors.set(fault.file, ofFile);
  }
  return errors;
}

function errorOf(fault: ConfigFault, absent: ReadonlySet<string>, directory: string): CrossplaneError {
  const { file, message, bytes } = fault;
  const line = fault.line > 0 ? fault.line : null;
  const wanted = wantedFile(fault, directory);
  if (wanted !== undefined && absent.has(wanted)) return { error: `[Errno 2] No such file or directory: ${pythonText(wanted)}`, line };
  const where = line === null ? file : `${file}:${line}`;
  return { error: `${bytes === undefined ? message : utf8OfLatin1(message)} in ${where}`, line };
}

/** The one file that a fault may be the absence of. */
function wantedFile({ file, bytes, place }: ConfigFault, directory: string): string | undefined {
  if (bytes !== undefined) return undefined;
  if (place === undefined) return file;
  const [name = ''] = directiveAt(place.instance.file.tree, place.index).args.map(utf8OfLatin1);
  return name.startsWith('/') ? name : directory + name;
}

/** As Python shows a string, which is how crossplane names a file that is missing. */
function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replace(/[\\\p{Cc}]/gu, escapeOf).replaceAll(quote, `\\${quote}`) + quote;
}

function escapeOf(char: string): string {
  return { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
