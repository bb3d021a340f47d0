import { type DerElement, elementsIn } from './der-reader.ts';

const EXTENSIONS = 0xa3;
const KEY_IDENTIFIER = 0x80;
const AUTHORITY_KEY_IDENTIFIER = '551d23'; // 2.5.29.35, RFC 5280 section 4.2.1.1

/**
 * What a CA knows a certificate by in ARI: `base64url(keyIdentifier).base64url(serial)` (RFC 9773 section 4.1).
 *
 * @returns `undefined` for a certificate without an authority key identifier
 */
export function certificateId(der: Uint8Array): string | undefined {
  const inside = ({ start, end }: DerElement) => elementsIn(der, start, end);
  const [certificate] = elementsIn(der);
  const [tbs] = certificate === undefined ? [] : inside(certificate);
  const fields = tbs === undefined ? [] : inside(tbs);
  const serial = fields.find(({ tag }) => tag === 0x02);
  const [extensions] = fields.filter(({ tag }) => tag === EXTENSIONS).flatMap(inside);
  if (serial === undefined || extensions === undefined) return undefined;

  for (const extension of inside(extensions)) {
    const [id, ...rest] = inside(extension);
    const value = rest.at(-1);
    if (id === undefined || value === undefined || hexOf(der, id) !== AUTHORITY_KEY_IDENTIFIER) continue;
    const [sequence] = inside(value);
    const key = sequence === undefined ? undefined : inside(sequence).find(({ tag }) => tag === KEY_IDENTIFIER);
    if (key !== undefined) return `${base64url(der, key)}.${base64url(der, serial)}`;
  }
  return undefined;
}

const hexOf = (der: Uint8Array, { start, end }: DerElement) => Buffer.from(der.subarray(start, end)).toString('hex');
const base64url = (der: Uint8Array, { start, end }: DerElement) => Buffer.from(der.subarray(start, end)).toString('base64url');
