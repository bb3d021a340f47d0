import type { LineageRequest, Refusal, Serving } from 'certkit/plugin';
import type { FileEdit } from './edits.ts';

/** What a lineage asks for, and whose links are whose. */
export interface Wanted {
  readonly lineage: LineageRequest;
  readonly liveRoot: string;
}

/** What deploying at one block takes, or why it is left alone. Edits, servings and refusals carry no lineage yet. */
export type Verdict =
  | { readonly ok: true; readonly edits: readonly FileEdit[]; readonly serves: readonly Omit<Serving, 'lineage'>[]; readonly notes: readonly string[] }
  | { readonly ok: false; readonly refusal: Omit<Refusal, 'lineage'> };

export type Refused = Extract<Verdict, { readonly ok: false }>;

export function refuse(kind: Refusal['kind'], because: string, hint: string): Refused {
  return { ok: false, refusal: { kind, because, hint } };
}

/** What only a change of structure would do, in a run that nobody watches. */
export function refuseDrift(because: string, lineage: string): Refused {
  return refuse('drift', because, `Run "certkit deploy ${lineage} --now" by hand: a person may change the structure of a configuration.`);
}
