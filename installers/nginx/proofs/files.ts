import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { utf8OfLatin1 } from 'certkit/confedit';
import { caughtBy, type Location, type Placed, translatePcre } from 'certkit/confedit/nginx';
import type { ServedPath } from 'certkit/plugin';
import { expand, remember, type Variables } from '../enhancements/rewriting.ts';
import { inForceAmong, type Levels } from './obstacles.ts';
import { quoted } from './quoted.ts';

export type FilesAnswer = { readonly kind: 'files'; readonly at: ServedPath } | { readonly kind: 'none'; readonly because: string };

export interface Asked {
  readonly path: string;
  readonly levels: Levels;
  /** The locations that the last of the levels are in. */
  readonly chain: readonly Location[];
  readonly variables: Variables;
  /** That of the server; `undefined` where it does not tell. */
  readonly prefix: string | undefined;
}

/** Where the files are that a block has for a path, by `root`, `alias` and `try_files`. */
export function filesOf(asked: Asked): FilesAnswer {
  const { path, levels, chain } = asked;
  const tries = levels.at(-1)?.findLast(({ directive }) => directive.name === 'try_files');
  const tried = tries === undefined ? path : fileTried(tries, asked);
  if (tries !== undefined && tried === undefined) return none(`${quoted(tries)} does not look for the file`);

  const place = inForceAmong(levels, (name) => name === 'root' || name === 'alias').at(-1);
  // A location further in may inherit an alias: it is still about the prefix of the one that has it.
  const owner = chain[levels.findIndex((level) => place !== undefined && level.includes(place)) - (levels.length - chain.length)];
  if (place?.directive.name !== 'alias' || owner === undefined) return belowRoot(place, tried ?? path, asked);
  const isPattern = owner.modifier.startsWith('~');
  // With a pattern, try_files puts what it tries behind the alias.
  if (tries !== undefined && (tried !== path || isPattern)) return none(`${quoted(place)} and ${quoted(tries)} together are not looked into`);
  // What a pattern caught is another thing in a location further in, which may have a pattern itself.
  return isPattern && owner !== chain.at(-1) ? unknown(place) : throughAlias(place, owner, asked);
}

/** @param place - the `root` in force; without one it is `html` (ngx_http_core_merge_loc_conf) */
function belowRoot(place: Placed | undefined, file: string, { variables, prefix }: Asked): FilesAnswer {
  const root = directory(place?.directive.args[0] ?? 'html', variables, prefix);
  return root === undefined ? unknown(place) : { kind: 'files', at: { root, path: dirname(file).slice(1) } };
}

function throughAlias(place: Placed, { modifier, path: location }: Location, { path, variables, prefix }: Asked): FilesAnswer {
  const [written = ''] = place.directive.args;
  const isPattern = modifier.startsWith('~');
  // With a pattern the alias is the whole path of the file (ngx_http_map_uri_to_path).
  const file = isPattern
    ? directory(written, withCaught(location, modifier, path, variables), prefix)
    : directory(written + path.slice(location.length), variables, prefix);
  if (file === undefined) return unknown(place);
  if (basename(file) !== basename(path)) return none(`${quoted(place)} leads to ${file}`);
  const root = isPattern ? dirname(file) : (directory(written, variables, prefix) ?? '/');
  return { kind: 'files', at: { root, path: relative(root, dirname(file)) } };
}

/** `undefined` where it is not known: a variable of the request, or a prefix that nobody tells. */
function directory(written: string, variables: Variables, prefix: string | undefined): string | undefined {
  const path = utf8OfLatin1(expand(written, variables));
  if (path.includes('$') || (prefix === undefined && !isAbsolute(path))) return undefined;
  return resolve(prefix ?? '/', path);
}

/** What is tried and is the file: best by its own path, else by one that has its name. The last argument is no file. */
function fileTried({ directive }: Placed, { path, variables }: Asked): string | undefined {
  const tried = directive.args.slice(0, -1).map((arg) => expand(arg, variables));
  const other = tried.find((one) => !one.includes('$') && !one.endsWith('/') && basename(one) === basename(path));
  return tried.includes(path) ? path : other && join('/', other);
}

function withCaught(pattern: string, modifier: Location['modifier'], path: string, variables: Variables): Variables {
  const regex = translatePcre(pattern, modifier === '~*');
  const own: Variables = new Map(variables);
  remember(regex && caughtBy(regex, path), own);
  return own;
}

const none = (because: string): FilesAnswer => ({ kind: 'none', because });

const unknown = (place: Placed | undefined): FilesAnswer =>
  none(place === undefined ? 'nginx does not tell the prefix that its files are below' : `what ${quoted(place)} is, is not known before somebody asks`);
