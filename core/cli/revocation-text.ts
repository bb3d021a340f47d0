import type { KnownRevocation } from '../flows/inspect.ts';
import { when } from './words.ts';

/** What is known of a certificate's revocation: who said what of which moment, and when it was asked. `undefined` where nobody could be asked. */
export function revocationText({ version, answer, askedAtMs, checkAtMs, because }: KnownRevocation): string | undefined {
  if (checkAtMs === undefined) return undefined;
  const said = answer === undefined ? 'not known whether it is revoked' : saidText(answer);
  const silence = because === undefined ? '' : `; no answer that counts came last: ${because}`;
  return `version ${version}: ${said}; asked ${when(askedAtMs)}, again from ${when(checkAtMs)} on${silence}`;
}

function saidText({ status, by, asOfMs, revokedAtMs, cause }: NonNullable<KnownRevocation['answer']>): string {
  const who = `${by.kind === 'ocsp' ? 'the OCSP responder' : 'the revocation list'} ${by.url}, as of ${when(asOfMs)}`;
  if (status === 'unknown') return `not known to ${who}`;
  const since = revokedAtMs === undefined ? '' : ` on ${when(revokedAtMs)}`;
  return status === 'good' ? `not revoked, says ${who}` : `revoked by the CA${since}${cause === undefined ? '' : ` (${cause})`}, says ${who}`;
}
