import { readFileSync } from 'node:fs';
import { pathOf, type Tool } from './tools.ts';

/** Where a compiled nginx expects its root, and how instances find a directory of the same length. */
export const SOURCE_DIR_PREFIX = '/tmp/certkit-nginx-';

/** The binary with this root compiled in, as if it had been configured for it: the template's bytes are as long as ours. */
export function compiledInto(root: string, built: Tool): Buffer {
  const template = Buffer.from(String(built.templateRoot));
  const wanted = Buffer.from(root);
  if (template.length !== wanted.length) throw new Error(`${root} is not as long as ${String(built.templateRoot)}`);
  const bytes = readFileSync(pathOf(built, 'nginx'));
  for (let at = bytes.indexOf(template); at >= 0; at = bytes.indexOf(template, at)) wanted.copy(bytes, at);
  return bytes;
}
