/** A unified diff of two texts, as `diff -u` prints it. Bytes that are no UTF-8 show as U+FFFD. The library is loaded on use. */
export async function difference(path: string, before: Uint8Array, after: Uint8Array): Promise<string> {
  const { createTwoFilesPatch } = await import('diff');
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  const patch = createTwoFilesPatch(path, path, text(before), text(after), 'now', 'planned', { context: 3 });
  return patch.replace(/^Index: .*\n=+\n/, '');
}
