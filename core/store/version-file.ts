import { type Identifier, parseIdentifier } from '../model/identifier.ts';
import { KEY_ALGORITHMS } from '../model/lineage.ts';
import type { Version } from '../model/version.ts';
import { type Decoder, exactly, list, members, oneOf, parsed, text, whole } from './decode.ts';

const FORMAT = 1;

const decodeMembers = members(
  {
    format: exactly(FORMAT),
    number: whole,
    identifiers: list(parsed(parseIdentifier)),
    ca: text,
    issuedAtMs: whole,
    sets: list(
      members(
        {
          keyType: oneOf(['ecdsa', 'rsa']),
          algorithm: oneOf(KEY_ALGORITHMS),
          folder: oneOf(['.', 'ecdsa', 'rsa']),
          serial: text,
          leafSha256: text,
          notBeforeMs: whole,
          notAfterMs: whole,
        },
        'ignored',
      ),
    ),
  },
  'ignored',
);

/** The content of version.json: the facts of a version, so that nobody has to parse certificates to plan. */
export const decodeVersion: Decoder<Version> = (value) => {
  const { format: _, ...version } = decodeMembers(value);
  return version;
};

export function encodeVersion(version: Version): object {
  return { format: FORMAT, ...version, identifiers: version.identifiers.map(({ value }: Identifier) => value) };
}
