import { objectIdentifier } from './der.ts';
import { type DerElement, elementsIn, soleElement } from './der-reader.ts';

/** What Node's X509Certificate does not tell of a certificate (RFC 5280 section 4.1). */
export interface CertificateFields {
  /** Its INTEGER's octets. */
  readonly serial: Uint8Array;
  /** Names in DER, as they are compared and hashed. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** The bits of the public key, without its algorithm. */
  readonly keyBits: Uint8Array;
  readonly extensions: readonly Extension[];
}

export interface Extension {
  readonly id: Uint8Array;
  readonly critical: boolean;
  /** The DER that its OCTET STRING holds. */
  readonly value: Uint8Array;
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const BOOLEAN = 0x01;

/** @throws RangeError for what is no certificate */
export function certificateFields(der: Uint8Array): CertificateFields {
  const [tbs] = elementsIn(soleElement(der).content);
  const all = elementsIn(part(tbs).content);
  const [serial, , issuer, , subject, key] = all[0]?.tag === VERSION ? all.slice(1) : all;
  const [, bits] = elementsIn(part(key).content);
  const extensions = all.find(({ tag }) => tag === EXTENSIONS);
  return {
    serial: part(serial).content,
    issuer: part(issuer).whole,
    subject: part(subject).whole,
    keyBits: wholeOctets(part(bits)),
    extensions: extensions === undefined ? [] : extensionsIn(soleElement(extensions.content)),
  };
}

/** Of a certificate, of a revocation list or of an entry in one. */
export function extensionsIn({ content }: DerElement): readonly Extension[] {
  return elementsIn(content).map((extension) => {
    const [id, ...rest] = elementsIn(extension.content);
    const critical = rest[0]?.tag === BOOLEAN && rest[0].content[0] !== 0;
    return { id: part(id).whole, critical, value: part(rest.at(-1)).content };
  });
}

export function extensionOf({ extensions }: Pick<CertificateFields, 'extensions'>, dotted: string): Extension | undefined {
  const wanted = objectIdentifier(dotted);
  return extensions.find(({ id }) => wanted.equals(id));
}

/** The octets of a BIT STRING that has no loose bits. */
export function wholeOctets({ content }: DerElement): Uint8Array {
  if (content[0] !== 0) throw new RangeError('a bit string is not of whole octets');
  return content.subarray(1);
}

export function part(element: DerElement | undefined): DerElement {
  if (element === undefined) throw new RangeError('a part is missing');
  return element;
}
