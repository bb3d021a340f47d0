import { AsyncLocalStorage } from 'node:async_hooks';
import type { axios } from 'acme-client';
import { fault } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { isNonce, type NoncePool } from './nonces.ts';
import { isRecord, parseProblem, Refusal } from './problem.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Incoming, Transport } from './transport.ts';

type Axios = typeof axios;
type Adapter = Extract<Axios['defaults']['adapter'], (...args: never[]) => unknown>;
type AdapterConfig = Parameters<Adapter>[0];

/** What all requests to one CA have in common. */
export interface Origin {
  readonly directory: string;
  readonly transport: Transport;
  readonly nonces: NoncePool;
  readonly clock: Clock;
  /** Kept after the first reading: every account's client asks for it. */
  directoryReply?: Reply;
}

/** An answer that says yes. */
export interface Reply {
  readonly status: number;
  readonly headers: Incoming['headers'];
  /** A JSON object, or the text of a chain. */
  readonly data: unknown;
}

/** One call of acme-client: what its requests need, and what the last of them brought. */
export interface Call {
  readonly origin: Origin;
  readonly signal: AbortSignal;
  readonly expects: 'json' | 'pem';
  reply?: Reply;
}

const MEDIA_TYPE = { json: 'application/json', pem: 'application/pem-certificate-chain' } as const; // RFC 8555 sections 6.1 and 9.1
const LONGEST_RETRY_MS = 30 * 86_400_000;

// acme-client has one axios instance for the whole process; the call that a request belongs to is found by its asynchronous context.
const mounted = new WeakMap<Axios, AsyncLocalStorage<Call>>();

/** Sends acme-client's requests our way. Its own retries never happen: they would repeat a nonce (acme-client issue 103). */
export function mountAdapter(instance: Axios): <T>(call: Call, ask: () => Promise<T>) => Promise<T> {
  let calls = mounted.get(instance);
  if (calls === undefined) {
    calls = new AsyncLocalStorage<Call>();
    mounted.set(instance, calls);
    instance.defaults.adapter = createAdapter(calls);
    instance.defaults.transformResponse = [];
  }
  const storage = calls;
  return (call, ask) => storage.run(call, ask);
}

function createAdapter(calls: AsyncLocalStorage<Call>): Adapter {
  return async (config) => {
    const call = calls.getStore();
    if (call === undefined) throw new TypeError('acme-client was used outside of a session');
    const { origin } = call;
    const url = config.url ?? '';
    if (!url.startsWith('https://')) throw fault('ACME_BAD_REPLY', { url: origin.directory, because: `"${url}" is no https URL` });

    // Only newNonce is asked with HEAD.
    if (config.method === 'head')
      return answer(config, { status: 200, headers: { 'replay-nonce': origin.nonces.take() ?? (await askNonce(call, url)) }, data: '' });

    if (config.method === 'get' && url === origin.directory) {
      origin.directoryReply ??= await exchange(call, { method: 'GET', url });
      call.reply = origin.directoryReply;
    } else {
      call.reply = await exchange(call, { method: 'POST', url, body: String(config.data) });
      // An account that was there already (200): acme-client would send an update nobody asked for, which Pebble refuses when it is empty.
      if (url === newAccountOf(origin)) call.reply = { ...call.reply, status: 201 };
    }
    return answer(config, call.reply);
  };
}

const answer = (config: AdapterConfig, { status, headers, data }: Reply) => ({
  status,
  statusText: '',
  headers: headers as Record<string, string>,
  data,
  config,
});

const newAccountOf = ({ directoryReply }: Origin) => (isRecord(directoryReply?.data) ? directoryReply.data.newAccount : undefined);

async function askNonce({ origin, signal }: Call, url: string): Promise<string> {
  const { status, headers } = await origin.transport.send({ method: 'HEAD', url, accept: '*/*', signal });
  const nonce = headers['replay-nonce'];
  if (isNonce(nonce)) return nonce;
  if (status >= 400) throw refusal(url, { status, headers, body: '' }, origin.clock.nowMs());
  throw fault('ACME_BAD_REPLY', { url, because: 'it brings no nonce' });
}

async function exchange({ origin, signal, expects }: Call, request: { readonly method: string; readonly url: string; readonly body?: string }): Promise<Reply> {
  const { url } = request;
  const incoming = await origin.transport.send({ ...request, accept: MEDIA_TYPE[expects], signal });
  origin.nonces.add(incoming.headers['replay-nonce']);
  if (incoming.status >= 400) throw refusal(url, incoming, origin.clock.nowMs());
  if (incoming.status < 200 || incoming.status >= 300) throw fault('ACME_BAD_REPLY', { url, because: `HTTP ${incoming.status}${leadingTo(incoming)}` });

  const mediaType = mediaTypeOf(incoming);
  if (mediaType !== MEDIA_TYPE[expects]) throw fault('ACME_BAD_REPLY', { url, because: `its content type is "${mediaType}", not ${MEDIA_TYPE[expects]}` });
  if (expects === 'pem') return { ...incoming, data: incoming.body };
  const data = parseJson(incoming.body);
  if (!isRecord(data)) throw fault('ACME_BAD_REPLY', { url, because: 'it is no JSON object' });
  return { ...incoming, data };
}

const mediaTypeOf = ({ headers }: Incoming) => headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';

const leadingTo = ({ headers }: Incoming) => (headers.location === undefined ? '' : `, leading to ${headers.location}`);

function refusal(url: string, { status, headers, body }: Incoming, nowMs: number): Refusal {
  const waitMs = retryAfterMs(headers['retry-after'], nowMs, LONGEST_RETRY_MS);
  return new Refusal({ url, status, problem: parseProblem(parseJson(body), status), retryAtMs: waitMs === undefined ? undefined : nowMs + waitMs });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
