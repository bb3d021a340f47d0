import type { RevocationSource } from '../model/revocation.ts';
import { type CertificateFields, extensionOf, part } from './certificate-fields.ts';
import { objectIdentifier } from './der.ts';
import { elementsIn, soleElement } from './der-reader.ts';

const AUTHORITY_INFORMATION_ACCESS = '1.3.6.1.5.5.7.1.1'; // RFC 5280 section 4.2.2.1
const OCSP = '1.3.6.1.5.5.7.48.1';
const CRL_DISTRIBUTION_POINTS = '2.5.29.31'; // RFC 5280 section 4.2.1.13
const URI = 0x86; // GeneralName
/** Of each kind. */
const AT_MOST = 2;

/** Whom the certificate names, in the order of asking; http alone, since a question about TLS must not hang on TLS. */
export function revocationSources(certificate: CertificateFields): readonly RevocationSource[] {
  const ocsp = responders(certificate).map((url): RevocationSource => ({ kind: 'ocsp', url }));
  const crl = lists(certificate).map((url): RevocationSource => ({ kind: 'crl', url }));
  return [...ocsp.filter(isAskable).slice(0, AT_MOST), ...crl.filter(isAskable).slice(0, AT_MOST)];
}

function responders(certificate: CertificateFields): readonly string[] {
  const access = extensionOf(certificate, AUTHORITY_INFORMATION_ACCESS);
  if (access === undefined) return [];
  return elementsIn(soleElement(access.value).content).flatMap(({ content }) => {
    const [method, location] = elementsIn(content);
    return objectIdentifier(OCSP).equals(part(method).whole) && part(location).tag === URI ? [ascii(part(location).content)] : [];
  });
}

/** A point that is for some reasons alone, or signed by somebody else, has more than its name. */
function lists(certificate: CertificateFields): readonly string[] {
  const points = extensionOf(certificate, CRL_DISTRIBUTION_POINTS);
  if (points === undefined) return [];
  return elementsIn(soleElement(points.value).content).flatMap(({ content }) => {
    const [name, ...others] = elementsIn(content);
    return name?.tag === 0xa0 && others.length === 0 ? namedUrls(name.content) : [];
  });
}

/** The URLs of a DistributionPointName (RFC 5280 section 4.2.1.13). */
export function namedUrls(distributionPointName: Uint8Array): readonly string[] {
  const { tag, content } = soleElement(distributionPointName);
  return tag === 0xa0 ? elementsIn(content).flatMap((name) => (name.tag === URI ? [ascii(name.content)] : [])) : [];
}

const isAskable = ({ url }: RevocationSource): boolean => URL.canParse(url) && new URL(url).protocol === 'http:';

const ascii = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
