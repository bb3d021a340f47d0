import { X509Certificate } from 'node:crypto';
import type { RevocationAnswer, RevocationReply, RevocationSource } from '../model/revocation.ts';
import { certificateFields } from './certificate-fields.ts';
import { judgeCrl } from './crl.ts';
import { judgeOcsp, ocspRequest } from './ocsp.ts';
import { plainFetch } from './plain-fetch.ts';
import { type Asked, Unusable } from './revocation-answer.ts';
import { revocationSources } from './revocation-sources.ts';

export interface RevocationQuestion {
  readonly certificatePem: string;
  /** The certificates above it, lowest first. */
  readonly chainPem: string;
}

interface Asking {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** For each one who is asked. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_OCSP_BYTES = 64 * 1024;
const MAX_CRL_BYTES = 20 * 1024 * 1024;

/**
 * Asks those whom the certificate names whether it is revoked, OCSP responders before lists, until one gives an answer that can be believed.
 * Nobody can make a certificate revoked or good who has not its issuer's word for it. Rejects only with the signal's reason.
 */
export async function askRevocation({ certificatePem, chainPem }: RevocationQuestion, asking: Asking): Promise<RevocationReply> {
  const leaf = new X509Certificate(certificatePem);
  const sources = revocationSources(certificateFields(leaf.raw));
  if (sources.length === 0) return { kind: 'nobody-named' };
  const issuer = issuerIn(chainPem, leaf);
  if (issuer === undefined) return { kind: 'no-answer', because: "the issuer's certificate is not in the chain" };

  let unknown: RevocationAnswer | undefined;
  const troubles: string[] = [];
  for (const by of sources) {
    try {
      const answer = { ...(await ask(by, { leaf, issuer }, asking)), by };
      if (answer.status !== 'unknown') return { kind: 'answered', answer };
      unknown ??= answer;
    } catch (thrown) {
      asking.signal.throwIfAborted();
      // Whatever somebody answers, and whatever OpenSSL throws over keys and certificates in it, is no more than no answer.
      troubles.push(`${by.url}: its answer ${thrown instanceof Unusable ? thrown.message : `cannot be read: ${textOf(thrown)}`}`);
    }
  }
  return unknown === undefined ? { kind: 'no-answer', because: troubles.join('; ') } : { kind: 'answered', answer: unknown };
}

async function ask({ kind, url }: RevocationSource, asked: Asked, { nowMs, signal, timeoutMs = TIMEOUT_MS }: Asking): Promise<Omit<RevocationAnswer, 'by'>> {
  if (kind === 'crl') return judgeCrl(await plainFetch({ url, maxBytes: MAX_CRL_BYTES, timeoutMs, signal }), asked, url, nowMs);
  const body = { type: 'application/ocsp-request', bytes: ocspRequest(asked) };
  return judgeOcsp(await plainFetch({ url, body, maxBytes: MAX_OCSP_BYTES, timeoutMs, signal }), asked, nowMs);
}

function issuerIn(chainPem: string, leaf: X509Certificate): X509Certificate | undefined {
  const [lowest] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(chainPem) ?? [];
  const issuer = lowest === undefined ? undefined : new X509Certificate(lowest);
  return issuer !== undefined && leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey) ? issuer : undefined;
}

const textOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));
