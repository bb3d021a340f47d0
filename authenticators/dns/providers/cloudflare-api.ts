import { setTimeout as wait } from 'node:timers/promises';
import { withoutSecrets } from 'certkit/credentials';
import { changeFault, reasonOf } from './provider-fault.ts';
import { type ApiAnswer, type ApiRequest, askApi } from './web-api.ts';

/** Answers are `{ success, errors: [{ code, message }], result, result_info }` (developers.cloudflare.com/fundamentals/api/how-to/make-api-calls). */
export interface CloudflareApi {
  /** One request; `accepts` has codes of errors that are an answer too, and then there is no result. */
  ask(path: string, options?: { readonly method?: ApiRequest['method']; readonly body?: unknown; readonly accepts?: readonly number[] }): Promise<unknown>;
  /** All pages of a list. */
  list(path: string, query: Readonly<Record<string, string>>): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface CloudflareAccess {
  /** Without a slash at its end. */
  readonly address: string;
  readonly token: string;
  readonly zone: string;
  readonly signal: AbortSignal;
}

const PER_PAGE = 50; // the most for zones
const MOST_PAGES = 200;
const MOST_WAITS = 3;
/** A limit that was exceeded blocks all requests for five minutes (developers.cloudflare.com/fundamentals/api/reference/limits). */
const MOST_WAIT_SECONDS = 300;

export function createCloudflareApi({ address, token, zone, signal }: CloudflareAccess): CloudflareApi {
  const host = new URL(address).host;
  const fail = (because: string, hint: string) => changeFault('cloudflare', zone, withoutSecrets(`${host} ${because}`, [token]), hint);

  const answerTo = async (path: string, request: Pick<ApiRequest, 'method' | 'body'>, waits = 0): Promise<ApiAnswer> => {
    const url = new URL(`${address}${path}`);
    const answer = await askApi(url, { ...request, headers: { authorization: `Bearer ${token}` }, signal }).catch((thrown: unknown) => {
      signal.throwIfAborted();
      throw fail(reasonOf(thrown), 'Does a firewall let this machine reach it? A proxy is not used.');
    });
    const seconds = answer.retryAfterSeconds;
    if (answer.status !== 429 || seconds === undefined || seconds > MOST_WAIT_SECONDS || waits === MOST_WAITS) return answer;
    await wait(seconds * 1000, undefined, { signal });
    return answerTo(path, request, waits + 1);
  };

  const envelopeOf = async (path: string, request: Pick<ApiRequest, 'method' | 'body'>, accepts: readonly number[]) => {
    const answer = await answerTo(path, request);
    const envelope = parseEnvelope(answer.body);
    if (answer.status >= 200 && answer.status <= 299 && envelope?.success === true) return envelope;
    const errors = envelope?.errors ?? [];
    if (errors.length > 0 && errors.every(({ code }) => accepts.includes(code))) return { ...envelope, result: undefined };
    const said = errors.map(({ code, message }) => `${message} (${code})`).join('; ');
    throw fail(`answered ${answer.status}${said === '' ? '' : `: ${said}`}`, hintFor(answer));
  };

  return {
    ask: async (path, { method = 'GET', body, accepts = [] } = {}) =>
      (await envelopeOf(path, { method, ...(body === undefined ? {} : { body }) }, accepts)).result,
    async list(path, query) {
      const all: Readonly<Record<string, unknown>>[] = [];
      for (let page = 1; page <= MOST_PAGES; page++) {
        const search = new URLSearchParams({ ...query, page: String(page), per_page: String(PER_PAGE) });
        const { result, pages } = await envelopeOf(`${path}?${search}`, { method: 'GET' }, []);
        if (!Array.isArray(result)) throw fail('answered with something else than a list', 'Is "api" of cloudflare right?');
        all.push(...result.filter(isRecord));
        if (pages === undefined || page >= pages) break;
      }
      return all;
    },
  };
}

function hintFor({ status }: ApiAnswer): string {
  if (status >= 300 && status <= 399) return 'A redirect is not followed: see "api" of cloudflare.';
  if (status === 429) return 'The token or this address has asked too often; the next run tries again.';
  if (status >= 500) return 'The service is busy or broken; the next run tries again.';
  return 'The token needs the permissions "Zone: Read" and "DNS: Edit" for this zone, must not have expired, and has to be allowed from this address.';
}

interface Envelope {
  readonly success?: boolean;
  readonly errors: readonly { readonly code: number; readonly message: string }[];
  readonly result?: unknown;
  readonly pages?: number | undefined;
}

function parseEnvelope(body: unknown): Envelope | undefined {
  if (!isRecord(body)) return undefined;
  const errors = Array.isArray(body.errors) ? body.errors.filter(isRecord) : [];
  const pages = isRecord(body.result_info) ? Number(body.result_info.total_pages) : Number.NaN;
  return {
    success: body.success === true,
    errors: errors.map(({ code, message }) => ({ code: Number(code), message: String(message) })),
    result: body.result,
    pages: Number.isFinite(pages) ? pages : undefined,
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
