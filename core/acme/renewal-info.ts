import { fault } from '../errors.ts';
import type { Origin } from './adapter.ts';
import { faultOf, isRecord, Refusal, Silence } from './problem.ts';
import { retryAfterMs } from './retry-after.ts';

/** When the CA wants a certificate to be renewed (RFC 9773 section 4.2). */
export interface RenewalInfo {
  readonly startMs: number;
  readonly endMs: number;
  /** A page that tells why, for people. */
  readonly explanation?: string;
  /** How long the CA asks to wait before it is asked again. */
  readonly waitMs: number;
}

const HOUR_MS = 3_600_000;
const WAIT_MS = 6 * HOUR_MS;
/** RFC 9773 section 4.3.2: between a minute and a day. */
const LONGEST_WAIT_MS = 24 * HOUR_MS;

/**
 * Asks when a certificate is to be renewed; needs no account. `undefined`: the CA has no such service.
 *
 * @param id - as `certificateId` makes it
 * @throws ACME_UNREACHABLE, ACME_PROBLEM, ACME_RATE_LIMITED, ACME_BAD_REPLY
 */
export async function askRenewalInfo(origin: Origin, id: string, signal: AbortSignal): Promise<RenewalInfo | undefined> {
  const directory = await directoryOf(origin, signal);
  const { renewalInfo } = directory;
  if (renewalInfo === undefined) return undefined;
  if (typeof renewalInfo !== 'string' || !renewalInfo.startsWith('https://'))
    throw fault('ACME_BAD_REPLY', { url: origin.directory, because: 'its "renewalInfo" is no https URL' });

  const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
  const { data, headers } = await getJson(origin, url, signal);
  const window = isRecord(data.suggestedWindow) ? data.suggestedWindow : {};
  const [startMs, endMs] = [window.start, window.end].map((text) => (typeof text === 'string' ? Date.parse(text) : Number.NaN)) as [number, number];
  if (!(startMs < endMs)) throw fault('ACME_BAD_REPLY', { url, because: 'its "suggestedWindow" is none (RFC 9773 section 4.2)' });
  const { explanationURL } = data;
  return {
    startMs,
    endMs,
    waitMs: retryAfterMs(headers['retry-after'], origin.clock.nowMs(), LONGEST_WAIT_MS) ?? WAIT_MS,
    ...(typeof explanationURL === 'string' && /^https?:\/\//.test(explanationURL) ? { explanation: explanationURL } : {}),
  };
}

/** The CA's directory (RFC 8555 section 7.1.1), read once. */
export async function directoryOf(origin: Origin, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  if (isRecord(origin.directoryReply?.data)) return origin.directoryReply.data;
  const { data, ...reply } = await getJson(origin, origin.directory, signal);
  origin.directoryReply = { ...reply, data };
  return data;
}

async function getJson(origin: Origin, url: string, signal: AbortSignal) {
  try {
    const { status, headers, body } = await origin.transport.send({ method: 'GET', url, accept: 'application/json', signal });
    const data = parsed(body);
    if (status >= 400) throw new Refusal({ url, status, problem: undefined, retryAtMs: undefined });
    if (!isRecord(data)) throw fault('ACME_BAD_REPLY', { url, because: 'it is no JSON object' });
    return { status, headers, data };
  } catch (error) {
    throw error instanceof Refusal || error instanceof Silence ? faultOf(error) : error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // judged as what it is: no object
  }
}
