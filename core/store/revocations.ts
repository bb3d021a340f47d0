import { isCertkitError } from '../errors.ts';
import type { AskedRevocation, RevocationAnswer, Revocations } from '../model/revocation.ts';
import type { Files } from '../ports.ts';
import { type Decoder, exactly, finite, mapOf, members, oneOf, optional, text } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const answer: Decoder<RevocationAnswer> = members(
  {
    status: oneOf(['good', 'revoked', 'unknown']),
    by: members({ kind: oneOf(['ocsp', 'crl']), url: text }, 'ignored'),
    asOfMs: finite,
    nextMs: optional(finite),
    revokedAtMs: optional(finite),
    cause: optional(text),
  },
  'ignored',
);

const asked: Decoder<AskedRevocation> = members(
  { askedAtMs: finite, checkAtMs: optional(finite), answer: optional(answer), because: optional(text), notAfterMs: finite },
  'ignored',
);

const decodeRevocations = members({ format: exactly(FORMAT), certificates: mapOf(asked) }, 'ignored');

/** What was answered when CAs were asked whether certificates are revoked: one file, which a run reads once and writes at most once. */
export interface RevocationRecords {
  revocations(): Promise<Revocations>;
  saveRevocations(revocations: Revocations): Promise<void>;
}

export function createRevocationRecords(layout: Layout, files: Files): RevocationRecords {
  return {
    async revocations() {
      try {
        return (await readJson(files, layout.revocations, decodeRevocations))?.certificates ?? {};
      } catch (thrown) {
        if (isCertkitError(thrown) && thrown.code === 'STORE_UNREADABLE') return {}; // all are asked anew, and it is written anew
        throw thrown;
      }
    },
    saveRevocations: async (certificates) => writeJson(files, layout.revocations, { format: FORMAT, certificates }),
  };
}
