import type { ConfigGraph } from 'certkit/confedit/nginx';
import type { PluginContext, SurveyFault } from 'certkit/plugin';
import { isAtLeast } from './build.ts';
import { callOf, type Instance } from './instance.ts';

/** What `-T` answered. It tests like `-t`, and prints every file it loads; `unknown` to a server before 1.9.2. */
export type Dump = { readonly dump: string; readonly tookMs: number } | { readonly refusal: string } | { readonly unknown: true };

const HEADER = '# configuration file ';
const DUMP_TIMEOUT_MS = 120_000;

export async function dumpOf(instance: Instance, { programs }: PluginContext, signal: AbortSignal): Promise<Dump> {
  const { version } = instance.build;
  if (version !== undefined && !isAtLeast(version, '1.9.2')) return { unknown: true };
  const [file = '', ...args] = callOf(instance, ['-T', '-q']);
  const beganMs = performance.now();
  const { exitCode, stdout, stderr } = await programs.run(file, args, { accept: [0, 1], timeoutMs: DUMP_TIMEOUT_MS, signal });
  return exitCode === 0 ? { dump: stdout, tookMs: performance.now() - beganMs } : { refusal: stderr };
}

/** Where the server and we disagree about which files make up the configuration, or whether it is one. */
export function disagreementsOf(graph: ConfigGraph, answer: Dump): readonly SurveyFault[] {
  if ('unknown' in answer) return [];
  if ('refusal' in answer) {
    const { file, line, because } = parseComplaint(answer.refusal);
    return [{ file: file ?? graph.main.file.path, ...(line !== undefined && { line }), because: `the server refuses it: ${because}` }];
  }
  const ours = new Map(graph.files.map(({ path, bytes }) => [path, bytes]));
  const theirs = new Set(parseDump(answer.dump, (path) => ours.get(path)));
  return [
    ...[...theirs]
      .filter((path) => !ours.has(path))
      .map((file) => ({ file, because: 'the server loads this file, and it was not found by following the includes' })),
    ...[...ours.keys()]
      .filter((path) => !theirs.has(path))
      .map((file) => ({ file, because: 'an include leads to this file, and the server does not load it' })),
  ];
}

/**
 * The paths in the output of `-T -q`, in its order.
 *
 * Each file stands there whole after its header, so a file that contains such a header would mislead: known bytes are passed over.
 *
 * @param bytesOf - the bytes of a file that was read, by the path the server uses
 */
export function parseDump(dump: string, bytesOf: (path: string) => Uint8Array | undefined): readonly string[] {
  const paths: string[] = [];
  let at = dump.startsWith(HEADER) ? 0 : headerAfter(dump, 0);
  while (at !== -1) {
    const end = dump.indexOf(':\n', at);
    if (end === -1) break;
    const path = dump.slice(at + HEADER.length, end);
    paths.push(path);
    const start = end + 2;
    const text = misleadingText(bytesOf(path));
    at = headerAfter(dump, text !== undefined && dump.startsWith(text, start) ? start + text.length : start);
  }
  return paths;
}

/** The text of a file that contains a header. */
function misleadingText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(HEADER)) return undefined;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

function headerAfter(dump: string, from: number): number {
  const at = dump.indexOf(`\n${HEADER}`, from);
  return at === -1 ? -1 : at + 1;
}

/** Where and why the server stopped reading, from its `[emerg]` line. */
export function parseComplaint(words: string): { readonly file: string | undefined; readonly line: number | undefined; readonly because: string } {
  const text = /\[(?:emerg|crit|alert)\] (?:\d+#\d+: )?(.*)/.exec(words)?.[1] ?? words.trim();
  const [, because = text, file, line] = /^(.*) in (\/\S.*):(\d+)$/.exec(text) ?? [];
  return { file, line: line === undefined ? undefined : Number(line), because };
}
