import type { Digest } from 'certkit/plugin';

/** A digest as programs read it. A change that could break one of them raises `schema`. */
export const digestDocument = (digest: Digest) => ({ schema: 1, ...digest });
