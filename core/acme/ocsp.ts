import { createHash, X509Certificate } from 'node:crypto';
import type { RevocationAnswer } from '../model/revocation.ts';
import { certificateFields, part } from './certificate-fields.ts';
import { element, nothing, objectIdentifier, octetString, sequence } from './der.ts';
import { type DerElement, elementsIn, soleElement } from './der-reader.ts';
import { type Asked, causeOf, momentOf, requireCurrent, Unusable } from './revocation-answer.ts';
import { isSignedBy, type Signed, signedOf } from './signed.ts';

const SHA1 = '1.3.14.3.2.26'; // the one hash every responder knows here (RFC 5019 section 2.1.1); it names and does not prove
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

/** RFC 6960 section 4.2.1. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'it takes the request for malformed',
  2: 'it has an internal error',
  3: 'it asks to be tried later',
  5: 'it wants signed requests',
  6: 'it does not answer us',
};

/** A request about one certificate, without a nonce: responders sign in advance (RFC 5019), and an answer is believed while it is current. */
export function ocspRequest(asked: Asked): Buffer {
  return sequence(sequence(sequence(sequence(certificateIdentity(asked))))); // OCSPRequest, TBSRequest, requestList, Request
}

/** RFC 6960 section 4.1.1, CertID. */
function certificateIdentity({ leaf, issuer }: Asked): Buffer {
  const { serial, issuer: issuerName } = certificateFields(leaf.raw);
  const { keyBits } = certificateFields(issuer.raw);
  return sequence(sequence(objectIdentifier(SHA1), nothing()), octetString(sha1(issuerName)), octetString(sha1(keyBits)), element(0x02, serial));
}

/**
 * What a response says of the certificate: signed by its issuer or by a delegate the issuer named for that, and current.
 *
 * @throws Unusable, and a RangeError for what is no DER
 */
export function judgeOcsp(response: Uint8Array, asked: Asked, nowMs: number): Omit<RevocationAnswer, 'by'> {
  const [responseStatus, wrapped] = elementsIn(soleElement(response).content);
  const refusal = part(responseStatus).content[0] ?? 0;
  if (refusal !== 0) throw new Unusable(`is a refusal: ${REFUSALS[refusal] ?? `number ${refusal}`}`);
  const [type, bytes] = elementsIn(soleElement(part(wrapped).content).content);
  if (!objectIdentifier(BASIC_RESPONSE).equals(part(type).whole)) throw new Unusable('is of a kind that is not known');

  const [body, algorithm, signature, certificates] = elementsIn(soleElement(part(bytes).content).content);
  const signed = signedOf(part(body), algorithm, signature);
  requireSigner(signed, certificates, asked, nowMs);

  const single = responsesIn(part(body)).find((one) => isAbout(one, asked));
  if (single === undefined) throw new Unusable('is about another certificate');
  const [, status, thisUpdate, ...more] = elementsIn(single.content);
  const next = more.find(({ tag }) => tag === 0xa0);
  const asOfMs = momentOf(part(thisUpdate));
  const nextMs = next === undefined ? undefined : momentOf(soleElement(next.content));
  requireCurrent(asOfMs, nextMs, nowMs);
  return { ...statusIn(part(status)), asOfMs, ...(nextMs === undefined ? {} : { nextMs }) };
}

/** The SingleResponses of a ResponseData: the list is the first SEQUENCE after responder and time. */
function responsesIn(body: DerElement): readonly DerElement[] {
  const parts = elementsIn(body.content);
  const [, , responses] = parts[0]?.tag === 0xa0 ? parts.slice(1) : parts; // a version other than the default
  return elementsIn(part(responses).content);
}

function isAbout(single: DerElement, asked: Asked): boolean {
  const [identity] = elementsIn(single.content);
  const [algorithm, ...rest] = elementsIn(part(identity).content);
  const [wantedAlgorithm, ...wanted] = elementsIn(soleElement(certificateIdentity(asked)).content);
  // An algorithm's parameters may be NULL or left out.
  const sameAlgorithm = Buffer.compare(firstOf(algorithm), firstOf(wantedAlgorithm)) === 0;
  return sameAlgorithm && rest.length === wanted.length && rest.every(({ whole }, at) => Buffer.compare(whole, part(wanted[at]).whole) === 0);
}

const firstOf = (parent: DerElement | undefined): Uint8Array => part(elementsIn(part(parent).content)[0]).whole;

function statusIn({ tag, content }: DerElement): Pick<RevocationAnswer, 'status' | 'revokedAtMs' | 'cause'> {
  if (tag === 0x80) return { status: 'good' };
  if (tag === 0x82) return { status: 'unknown' };
  if (tag !== 0xa1) throw new Unusable('has a status that is not known');
  const [revokedAt, reason] = elementsIn(content);
  const cause = reason === undefined ? undefined : causeOf(soleElement(reason.content));
  return { status: 'revoked', revokedAtMs: momentOf(part(revokedAt)), ...(cause === undefined ? {} : { cause }) };
}

/** RFC 6960 section 4.2.2.2: the issuer itself, or whom it gave a certificate for signing such responses. */
function requireSigner(signed: Signed, certificates: DerElement | undefined, { issuer }: Asked, nowMs: number): void {
  if (isSignedBy(signed, issuer.publicKey)) return;
  const sent = certificates === undefined ? [] : elementsIn(soleElement(certificates.content).content).map(({ whole }) => new X509Certificate(whole));
  const signer = sent.find(({ publicKey }) => isSignedBy(signed, publicKey));
  if (signer === undefined) throw new Unusable('has no signature that holds');
  if (!signer.checkIssued(issuer) || !signer.verify(issuer.publicKey)) throw new Unusable("is signed by somebody whom the certificate's issuer did not name");
  if (signer.keyUsage?.includes(OCSP_SIGNING) !== true) throw new Unusable('is signed with a certificate that is not for signing such answers');
  if (nowMs < Date.parse(signer.validFrom) || nowMs >= Date.parse(signer.validTo)) throw new Unusable('is signed with a certificate that is not valid now');
}

const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest();
