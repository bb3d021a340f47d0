import { latin1, latin1OfUtf8 } from '../confedit/splice.ts';
import type { Site } from '../model/site.ts';
import type { Needs } from './needs.ts';

export interface Mention {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Where files name a path below the live link of a lineage, or one of its versions. */
export function mentionsOf(
  name: string,
  files: readonly { readonly path: string; readonly bytes: Uint8Array }[],
  { liveRoot, home }: Pick<Needs['store'], 'liveRoot' | 'home'>,
): readonly Mention[] {
  const roots = [`${liveRoot}/${name}/`, `${home}/archive/${name}/`].map(latin1OfUtf8);
  return files.flatMap(({ path, bytes }) => {
    const text = latin1(bytes);
    return roots.flatMap((root) => {
      const found: Mention[] = [];
      for (let offset = text.indexOf(root); offset !== -1; offset = text.indexOf(root, offset + 1)) found.push({ path, bytes, offset });
      return found;
    });
  });
}

/** Sites that use a file of a lineage, by whatever path: a relative one, or through a link of somebody's. */
export async function sitesUsing(name: string, sites: readonly Site[], { store, files }: Pick<Needs, 'store' | 'files'>): Promise<readonly Site[]> {
  const archive = await files.realPath(`${store.home}/archive/${name}`);
  if (archive === undefined) return [];
  const isOfIt = async (path: string) => (await files.realPath(path))?.startsWith(`${archive}/`) === true;
  const used = await Promise.all(
    sites.map(async ({ pairs }) => (await Promise.all(pairs.flatMap(({ certificate, key }) => [isOfIt(certificate), isOfIt(key)]))).includes(true)),
  );
  return sites.filter((_, at) => used[at]);
}
