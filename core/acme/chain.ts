import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { fault } from '../errors.ts';
import type { Identifier } from '../model/identifier.ts';
import { ipBytes } from './ip-bytes.ts';

export interface IssuedRequest {
  /** As the CA sent it. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly identifiers: readonly Identifier[];
  readonly nowMs: number;
  /** From when on it was ordered to be valid; it need not be so before. */
  readonly startMs?: number;
}

/** A chain that passed every check; the facts are those of a version's set, the PEM texts its files. */
export interface Issued {
  readonly leaf: X509Certificate;
  /** The certificates above the leaf, lowest first. */
  readonly chain: readonly X509Certificate[];
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly leafSha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly certificatePem: string;
  readonly chainPem: string;
  readonly fullchainPem: string;
}

const MAX_CHARS = 256 * 1024;
const MAX_CERTIFICATES = 10;
/** How far the CA's clock may be ahead of ours. CAs date back by an hour or so; more than this is somebody's wrong clock. */
const CLOCK_SKEW_MS = 5 * 60_000;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/**
 * Judges what the CA sent, before anything of it is stored: only certificates, the leaf for our key and exactly our identifiers,
 * each certificate signed by the next, the leaf valid now, or from the moment on that was asked for. Dates above the leaf are the CA's affair: some chains end in an expired root on purpose.
 *
 * @throws ACME_BAD_CERTIFICATE
 */
export function readIssued({ chainPem, keyPem, identifiers, nowMs, startMs = nowMs }: IssuedRequest): Issued {
  const [leaf, ...chain] = readCertificates(chainPem);
  if (leaf === undefined) throw bad('there is no certificate in it');
  if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) throw bad('it is for another key');
  requireNames(leaf, identifiers);
  requireChain([leaf, ...chain]);

  const notBeforeMs = Date.parse(leaf.validFrom);
  const notAfterMs = Date.parse(leaf.validTo);
  if (!(notBeforeMs <= Math.max(nowMs, startMs) + CLOCK_SKEW_MS))
    throw bad(`it is valid from ${leaf.validFrom}, and here it is ${new Date(nowMs).toUTCString()}; is one of the clocks wrong?`);
  if (!(notAfterMs > nowMs)) throw bad(`it expired on ${leaf.validTo}`);

  const certificatePem = leaf.toString();
  const above = chain.map((certificate) => certificate.toString()).join('');
  return {
    leaf,
    chain,
    serial: leaf.serialNumber.toLowerCase(),
    leafSha256: createHash('sha256').update(leaf.raw).digest('hex'),
    notBeforeMs,
    notAfterMs,
    certificatePem,
    chainPem: above,
    fullchainPem: certificatePem + above,
  };
}

function readCertificates(text: string): X509Certificate[] {
  if (text.length > MAX_CHARS) throw bad(`it is longer than ${MAX_CHARS} characters`);
  const blocks = [...text.matchAll(BLOCK)];
  const other = blocks.find(([, label]) => label !== 'CERTIFICATE');
  if (other !== undefined) throw bad(`it holds a block "${other[1]}"`);
  if (blocks.length !== text.split('-----BEGIN ').length - 1) throw bad('a PEM block in it is broken');
  if (blocks.length > MAX_CERTIFICATES) throw bad(`it holds ${blocks.length} certificates`);
  return blocks.map(([block], index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw bad(`certificate ${index + 1} of it cannot be read`, cause);
    }
  });
}

function requireNames(leaf: X509Certificate, identifiers: readonly Identifier[]): void {
  const ordered = new Set(identifiers.map(({ kind, value }) => (kind === 'ip' ? ipName(value) : `DNS:${value}`)));
  const certified = new Set(namesOf(leaf));
  const missing = [...ordered].filter((name) => !certified.has(name));
  const added = [...certified].filter((name) => !ordered.has(name));
  if (missing.length > 0) throw bad(`it lacks ${missing.join(', ')}`);
  if (added.length > 0) throw bad(`it is also for ${added.join(', ')}`);
}

/** `DNS:example.com, IP Address:192.0.2.1`, as Node prints the extension; unusual values are quoted and match nothing. */
function namesOf(leaf: X509Certificate): string[] {
  const names = leaf.subjectAltName?.split(', ') ?? [];
  return names.map((name) =>
    name.startsWith('IP Address:') ? ipName(name.slice('IP Address:'.length)) : name.replace(/^DNS:.*/, (dns) => `DNS:${dns.slice(4).toLowerCase()}`),
  );
}

/** One text for all spellings of an address. */
const ipName = (address: string) =>
  `IP:${(
    ipBytes(address)
      .toString('hex')
      .match(/.{1,4}/g) ?? []
  ).join(':')}`;

function requireChain(certificates: readonly X509Certificate[]): void {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer === undefined) return;
    if (!certificate.checkIssued(issuer)) throw bad(`certificate ${index + 2} of the chain did not issue the one before it`);
    if (!certificate.verify(issuer.publicKey)) throw bad(`the signature of certificate ${index + 1} of the chain does not hold`);
  }
}

const bad = (because: string, cause?: unknown) => fault('ACME_BAD_CERTIFICATE', { because }, cause);
