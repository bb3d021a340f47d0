const HEADER = '# configuration file ';

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
    const bytes = bytesOf(path);
    const text = bytes === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    at = headerAfter(dump, text !== undefined && dump.startsWith(text, start) ? start + text.length : start);
  }
  return paths;
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
