import { contentsOf, type HttpServer } from 'certkit/confedit/nginx';
import { type PlainRequest, type Rewritten, rewriteBy, variablesOf } from '../enhancements/rewriting.ts';
import { locationFor } from '../locations.ts';
import { type FilesAnswer, filesOf } from './files.ts';
import { obstacleIn } from './obstacles.ts';
import { quoted } from './quoted.ts';

/** What a server block makes of a request. */
export type BlockAnswer = FilesAnswer | { readonly kind: 'redirect'; readonly target: string; readonly by: string };

/**
 * Where a block would find the file that it answers a request for one with, as nginx goes about it: rewriting, location,
 * rewriting there, access, then the file.
 *
 * @param prefix - which relative paths are below; `undefined` where the server does not tell
 */
export function answerOf(request: PlainRequest, server: HttpServer, prefix: string | undefined): BlockAnswer {
  const variables = variablesOf(request, server);
  const early = rewriteBy(server.contents, variables);
  const path = variables.get('uri');
  if (early.outcome === 'answered' || path === undefined) return withoutFile(early);

  const { chain, unread } = locationFor(path, server);
  const [doubt] = unread;
  if (doubt !== undefined) return none(`whether ${quoted(doubt.place)} matches is for PCRE to say`);
  const inside = chain.map(({ place }) => contentsOf(place.instance, place.index));
  const late = rewriteBy(inside.at(-1) ?? [], variables);
  if (late.outcome === 'answered' || !variables.has('uri')) return withoutFile(late);

  const levels = [server.inherited, server.contents, ...inside];
  const obstacle = obstacleIn(levels, variables);
  return obstacle === undefined ? filesOf({ path, levels, chain, variables, prefix }) : none(obstacle);
}

function withoutFile(found: Rewritten): BlockAnswer {
  if (found.outcome === 'goes-on') return none(`${found.rewrote === undefined ? 'something' : quoted(found.rewrote)} rewrites the path`);
  const { place, target } = found;
  return target === undefined ? none(`${quoted(place)} answers instead`) : { kind: 'redirect', target, by: quoted(place) };
}

const none = (because: string): BlockAnswer => ({ kind: 'none', because });
