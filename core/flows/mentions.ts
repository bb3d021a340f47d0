import { latin1, latin1OfUtf8 } from '../confedit/splice.ts';

export interface Mention {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Where files name a path below the live link of a lineage. */
export function mentionsOf(name: string, files: readonly { readonly path: string; readonly bytes: Uint8Array }[], liveRoot: string): readonly Mention[] {
  const below = latin1OfUtf8(`${liveRoot}/${name}/`);
  return files.flatMap(({ path, bytes }) => {
    const text = latin1(bytes);
    const found: Mention[] = [];
    for (let offset = text.indexOf(below); offset !== -1; offset = text.indexOf(below, offset + 1)) found.push({ path, bytes, offset });
    return found;
  });
}
