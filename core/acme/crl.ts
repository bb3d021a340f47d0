import type { RevocationAnswer } from '../model/revocation.ts';
import { certificateFields, type Extension, extensionOf, extensionsIn, part } from './certificate-fields.ts';
import { type DerElement, eachElement, elementsIn, soleElement } from './der-reader.ts';
import { type Asked, causeOf, momentOf, requireCurrent, Unusable } from './revocation-answer.ts';
import { namedUrls } from './revocation-sources.ts';
import { isSignedBy, signedOf } from './signed.ts';

const ISSUING_DISTRIBUTION_POINT = '2.5.29.28'; // RFC 5280 section 5.2.5
const REASON_CODE = '2.5.29.21';
const ONLY_USER_CERTIFICATES = 0x81;

/**
 * What a revocation list says of the certificate: of its issuer, signed by it, current, and meant for certificates like this one.
 *
 * @param url - where the list was had; a list that is for others says so
 * @throws Unusable, and a RangeError for what is no DER
 */
export function judgeCrl(list: Uint8Array, { leaf, issuer }: Asked, url: string, nowMs: number): Omit<RevocationAnswer, 'by'> {
  const [body, algorithm, signature] = elementsIn(soleElement(list).content);
  const { serial, issuer: issuerName } = certificateFields(leaf.raw);
  const { name, thisUpdate, nextUpdate, entries, extensions } = partsOf(part(body));
  if (Buffer.compare(name, issuerName) !== 0) throw new Unusable('is of another issuer');
  if (!isSignedBy(signedOf(part(body), algorithm, signature), issuer.publicKey)) throw new Unusable('has no signature that holds');
  requireScope(extensions, url);
  const asOfMs = momentOf(thisUpdate);
  const nextMs = nextUpdate === undefined ? undefined : momentOf(nextUpdate);
  requireCurrent(asOfMs, nextMs, nowMs);

  const current = { asOfMs, ...(nextMs === undefined ? {} : { nextMs }) };
  const entry = entries === undefined ? undefined : entryOf(serial, entries);
  return entry === undefined ? { status: 'good', ...current } : { status: 'revoked', ...entry, ...current };
}

/** RFC 5280 section 5.1.2, TBSCertList. */
function partsOf(body: DerElement) {
  const all = elementsIn(body.content);
  const [, name, thisUpdate, ...rest] = all[0]?.tag === 0x02 ? all.slice(1) : all; // version
  const nextUpdate = rest[0] !== undefined && isTime(rest[0]) ? rest.shift() : undefined;
  const entries = rest[0]?.tag === 0x30 ? rest.shift() : undefined;
  const extensions = rest[0]?.tag === 0xa0 ? extensionsIn(soleElement(rest[0].content)) : [];
  return { name: part(name).whole, thisUpdate: part(thisUpdate), nextUpdate, entries, extensions };
}

const isTime = ({ tag }: DerElement) => tag === 0x17 || tag === 0x18;

/** A list of a part of the certificates, or of some reasons, is no word about the others; one that has what we do not know of is none at all. */
function requireScope(extensions: readonly Extension[], url: string): void {
  const scope = extensionOf({ extensions }, ISSUING_DISTRIBUTION_POINT);
  if (extensions.some((one) => one.critical && one !== scope)) throw new Unusable('has a critical extension that is not known');
  if (scope === undefined) return;
  for (const { tag, content } of elementsIn(soleElement(scope.value).content)) {
    if (tag === 0xa0 && !namedUrls(content).includes(url)) throw new Unusable('is a list of other certificates');
    if (tag !== 0xa0 && tag !== ONLY_USER_CERTIFICATES && content[0] !== 0) throw new Unusable('is a list of other certificates or of some reasons alone');
  }
}

function entryOf(serial: Uint8Array, entries: DerElement): Pick<RevocationAnswer, 'revokedAtMs' | 'cause'> | undefined {
  for (const entry of eachElement(entries.content)) {
    const [number] = eachElement(entry.content);
    if (Buffer.compare(part(number).content, serial) !== 0) continue;
    const [, revokedAt, extensions] = elementsIn(entry.content);
    const reason = extensions === undefined ? undefined : extensionOf({ extensions: extensionsIn(extensions) }, REASON_CODE);
    const cause = reason === undefined ? undefined : causeOf(soleElement(reason.value));
    return { revokedAtMs: momentOf(part(revokedAt)), ...(cause === undefined ? {} : { cause }) };
  }
  return undefined;
}
