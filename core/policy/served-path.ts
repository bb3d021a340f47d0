import type { ServedPath } from '../model/challenge.ts';
import type { ProofsPlace } from '../model/site.ts';

/** A server that was asked where it has the proofs of a name, and what it says: nothing where it would not be asked for the name. */
export interface Saying {
  /** What a person calls the server. */
  readonly server: string;
  readonly place?: ProofsPlace;
  /** Why it could not be looked at. */
  readonly error?: string;
}

export interface Candidate {
  readonly server: string;
  readonly site: string;
  readonly at: ServedPath;
}

export type ServedPathDecision =
  | { readonly kind: 'found'; readonly at: ServedPath }
  | { readonly kind: 'several'; readonly candidates: readonly Candidate[] }
  /** `because` is empty where nothing was found that speaks for the name at all. */
  | { readonly kind: 'none'; readonly because: readonly { readonly server: string; readonly because: string }[] };

/**
 * Where proofs of a name go, by what the servers of this machine say.
 *
 * One that has the name goes before one that answers for names that nobody has; of those that have it, one that is asked
 * at port 80 before one that is behind another.
 */
export function decideServedPath(sayings: readonly Saying[]): ServedPathDecision {
  const asked = sayings.flatMap(({ server, place }) => (place === undefined ? [] : [{ server, place }]));
  const named = asked.filter(({ place }) => place.byName);
  const meant = named.length > 0 ? named : asked;
  const candidates = meant.flatMap(({ server, place }) =>
    place.kind === 'files' ? [{ server, site: place.site, at: place.at, atPort80: place.atPort80 }] : [],
  );
  const inFront = candidates.filter(({ atPort80 }) => atPort80);
  const best = [...new Map((inFront.length > 0 ? inFront : candidates).map((one) => [`${one.at.root}/${one.at.path}`, one])).values()];

  const [first] = best;
  if (first !== undefined && best.length === 1) return { kind: 'found', at: first.at };
  if (first !== undefined) return { kind: 'several', candidates: best.map(({ server, site, at }) => ({ server, site, at })) };
  return {
    kind: 'none',
    because: [
      ...meant.flatMap(({ server, place }) => (place.kind === 'none' ? [{ server, because: place.because }] : [])),
      ...sayings.flatMap(({ server, error }) => (error === undefined ? [] : [{ server, because: error }])),
    ],
  };
}
