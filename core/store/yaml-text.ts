import type { Document, LineCounter, Node } from 'yaml';
import { fault } from '../errors.ts';
import { type Decoder, Misfit } from './decode.ts';
import { DIALECT, loadYaml, pairOf, type Yaml } from './yaml-dialect.ts';
import { edit } from './yaml-edit.ts';

export interface YamlText {
  /** Mappings as objects, sequences as arrays. `null` for an empty file. */
  readonly plain: unknown;
  /** The line where a member stands, counted from 1; that of the nearest one around it where it is missing. */
  lineOf(path: readonly (string | number)[], ofKey: boolean): number | undefined;
  /** The text with something else in place of the values that stand there. */
  withStars(stars: readonly { readonly place: readonly (string | number)[]; readonly stars: string }[]): string;
  /** The text with top-level members set or (`undefined`) taken away; everything else keeps its bytes. */
  edited(changes: ReadonlyMap<string, unknown>): string;
}

/** @throws STORE_UNREADABLE with the line that the parser could not read */
export async function parseYaml(path: string, text: string): Promise<YamlText> {
  const yaml = await loadYaml();
  const lines = new yaml.LineCounter();
  const document: Document = yaml.parseDocument(text, { ...DIALECT, lineCounter: lines });
  return {
    plain: plainOf(yaml, path, document, lines),
    lineOf: (place, ofKey) => lineOf(yaml, document, lines, place, ofKey),
    withStars: (stars) => {
      const found = stars.flatMap(({ place, stars: insert }) => {
        const range = (document.getIn(place, true) as Node | undefined)?.range;
        return range ? [{ start: range[0], end: range[1], insert }] : [];
      });
      return found.sort((a, b) => b.start - a.start).reduce((rest, { start, end, insert }) => rest.slice(0, start) + insert + rest.slice(end), text);
    },
    edited: (changes) => edit(yaml, text, document, changes),
  };
}

/** Decodes parsed YAML; what does not fit is STORE_UNREADABLE at its line. */
export function decodeYaml<T>(path: string, file: YamlText, decoder: Decoder<T>): T {
  try {
    return decoder(file.plain);
  } catch (thrown) {
    if (!(thrown instanceof Misfit)) throw thrown;
    throw unreadable(path, file.lineOf(thrown.path, thrown.ofKey), thrown.ofKey ? thrown.because : thrown.message, thrown);
  }
}

function plainOf(yaml: Yaml, path: string, document: Document, lines: LineCounter): unknown {
  const [error] = document.errors;
  if (error !== undefined) throw unreadable(path, lines.linePos(error.pos[0]).line, firstLine(error.message), error);
  yaml.visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const line = lineAt(lines, alias);
      throw unreadable(
        path,
        line,
        alias.source.startsWith('.')
          ? `a name that begins with a star needs quotes: "*${alias.source}"`
          : `"*${alias.source}" refers to nothing; put text that begins with a star in quotes`,
      );
    },
  });
  try {
    return document.toJS();
  } catch (thrown) {
    throw unreadable(path, undefined, thrown instanceof Error ? firstLine(thrown.message) : String(thrown), thrown);
  }
}

function lineOf(yaml: Yaml, document: Document, lines: LineCounter, path: readonly (string | number)[], ofKey: boolean): number | undefined {
  let node: unknown = document.contents;
  let line: number | undefined;
  for (const [depth, step] of path.entries()) {
    if (yaml.isMap(node)) {
      const pair = pairOf(yaml, node, String(step));
      if (pair === undefined) return line;
      const wantsKey = ofKey && depth === path.length - 1;
      line = lineAt(lines, wantsKey ? pair.key : (pair.value ?? pair.key)) ?? line;
      node = pair.value;
    } else if (yaml.isSeq(node)) {
      node = node.items[Number(step)];
      line = lineAt(lines, node) ?? line;
    } else {
      return line;
    }
  }
  return line;
}

function lineAt(lines: LineCounter, node: unknown): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? lines.linePos(range[0]).line : undefined;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

function unreadable(path: string, line: number | undefined, because: string, cause?: unknown) {
  return fault('STORE_UNREADABLE', { path, ...(line !== undefined && { line }), because }, cause);
}
