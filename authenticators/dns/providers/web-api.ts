import { isLoopbackHost } from 'certkit/credentials';
import { invalidOption, reasonOf } from './provider-fault.ts';

const LIMIT_MS = 30_000;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  /** What was answered as JSON; `undefined` where it is none. */
  readonly body: unknown;
  /** Seconds to wait before the next request, when the server says so as a number (RFC 9110 section 10.2.3); these APIs send no dates. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * One request with JSON to an API. Certificates are verified; a redirect is an answer and not followed, so that a secret among the
 * headers goes nowhere else.
 *
 * @throws an error whose message says, after the server's name, why there is no answer: `did not answer within 30 seconds`
 */
export async function askApi(url: URL, { method, headers, body, signal }: ApiRequest): Promise<ApiAnswer> {
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json', 'user-agent': 'certkit', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit]),
    });
    const retryAfter = response.headers.get('retry-after') ?? '';
    return { status: response.status, body: parsed(await response.text()), retryAfterSeconds: /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined };
  } catch (thrown) {
    signal.throwIfAborted();
    if (limit.aborted) throw new Error(`did not answer within ${LIMIT_MS / 1000} seconds`, { cause: thrown });
    throw new Error(`cannot be reached: ${reasonOf(rootOf(thrown))}`, { cause: thrown });
  }
}

/** The address of an API: over TLS, or this machine itself. Without a slash at its end. */
export function parseApiAddress(provider: string, option: string, address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const refuse = (because: string) => invalidOption(provider, option, because, 'Write https://... (http:// only to this machine itself).');
  if (url === undefined || !['https:', 'http:'].includes(url.protocol) || url.search !== '' || url.hash !== '') throw refuse('it is no web address');
  if (url.username !== '' || url.password !== '') throw refuse('it has a user or a password in it');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) throw refuse('without TLS anybody on the way could read the credentials');
  return url.href.replace(/\/+$/, '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a page of a proxy in between, perhaps: the status has to do
  }
}

/** fetch fails with "fetch failed", and the reason is its cause; of several addresses, the first of them. */
function rootOf(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return rootOf(thrown.errors[0]);
  return thrown instanceof Error && thrown.cause !== undefined ? rootOf(thrown.cause) : thrown;
}
