import { certificateFields, extensionOf } from './certificate-fields.ts';
import { elementsIn, soleElement } from './der-reader.ts';

const KEY_IDENTIFIER = 0x80;
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'; // RFC 5280 section 4.2.1.1

/**
 * What a CA knows a certificate by in ARI: `base64url(keyIdentifier).base64url(serial)` (RFC 9773 section 4.1).
 *
 * @returns `undefined` for a certificate without an authority key identifier
 */
export function certificateId(der: Uint8Array): string | undefined {
  const fields = certificateFields(der);
  const authority = extensionOf(fields, AUTHORITY_KEY_IDENTIFIER);
  if (authority === undefined) return undefined;
  const key = elementsIn(soleElement(authority.value).content).find(({ tag }) => tag === KEY_IDENTIFIER);
  return key === undefined ? undefined : `${base64url(key.content)}.${base64url(fields.serial)}`;
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
