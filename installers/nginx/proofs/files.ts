import { basename, dirname, join, relative, resolve } from 'node:path';
import { utf8OfLatin1 } from 'certkit/confedit';
import { type Location, type Placed, translatePcre } from 'certkit/confedit/nginx';
import type { ServedPath } from 'certkit/plugin';
import { expand, type Variables } from '../enhancements/rewriting.ts';
import { inForceAmong, type Levels } from './obstacles.ts';
import { quoted } from './quoted.ts';

export type FilesAnswer = { readonly kind: 'files'; readonly at: ServedPath } | { readonly kind: 'none'; readonly because: string };

export interface Asked {
  readonly path: string;
  readonly levels: Levels;
  /** The locations that the last of the levels are in. */
  readonly chain: readonly Location[];
  readonly variables: Variables;
  /** That of the server. */
  readonly prefix: string;
}

/** Where the files are that a block has for a path, by `root`, `alias` and `try_files`. */
export function filesOf({ path, levels, chain, variables, prefix }: Asked): FilesAnswer {
  const none = (because: string): FilesAnswer => ({ kind: 'none', because });
  const wanted = basename(path);

  const tries = levels.at(-1)?.findLast(({ directive }) => directive.name === 'try_files');
  const tried = tries === undefined ? path : firstTried(tries, wanted, variables);
  if (tries !== undefined && tried === undefined) return none(`${quoted(tries)} does not look for the file`);

  const place = inForceAmong(levels, (name) => name === 'root' || name === 'alias').at(-1);
  const written = place?.directive.args[0] ?? 'html'; // ngx_http_core_merge_loc_conf
  const isAlias = place?.directive.name === 'alias';
  // The location whose alias it is: one that a location further in inherits is still about that one's prefix.
  const owner = isAlias ? chain[levels.findLastIndex((level) => level.includes(place)) - (levels.length - chain.length)] : undefined;
  const value = expand(written, owner === undefined ? variables : withCaught(owner, path, variables));
  if (place !== undefined && value.includes('$')) return none(`what ${quoted(place)} is, is not known before somebody asks`);
  const top = utf8OfLatin1(value);

  if (owner === undefined) return { kind: 'files', at: { root: resolve(prefix, top), path: dirname(`${tried}`).replace(/^\/+/, '') } };
  if (tried !== path) return none(`${quoted(place as Placed)} and try_files together are not looked into`);
  // With a pattern the alias is the whole path of the file (ngx_http_map_uri_to_path).
  const file = owner.modifier.startsWith('~') ? resolve(prefix, top) : resolve(prefix, top + path.slice(owner.path.length));
  if (basename(file) !== wanted) return none(`${quoted(place as Placed)} leads to ${file}`);
  const root = owner.modifier.startsWith('~') ? dirname(file) : resolve(prefix, top);
  return { kind: 'files', at: { root, path: relative(root, dirname(file)) } };
}

/** The first path that is tried and has the file's own name; a proof is found there. The last argument is no file. */
function firstTried({ directive }: Placed, wanted: string, variables: Variables): string | undefined {
  const paths = directive.args.slice(0, -1).map((arg) => expand(arg, variables));
  const found = paths.find((path) => !path.includes('$') && basename(path) === wanted && !path.endsWith('/'));
  return found === undefined ? undefined : join('/', found);
}

function withCaught({ modifier, path: pattern }: Location, path: string, variables: Variables): Variables {
  if (!modifier.startsWith('~')) return variables;
  const caught = translatePcre(pattern, modifier === '~*')?.exec(path) ?? [];
  return new Map([...variables, ...[...caught].map((text, at) => [String(at), text ?? ''] as const)]);
}
