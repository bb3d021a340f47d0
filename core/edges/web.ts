import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Web } from '../ports.ts';
import { reasonOf } from './system-error.ts';

type Requesting = (url: string, options: RequestOptions, answered: (answer: IncomingMessage) => void) => ClientRequest;

/** Node's own clients, loaded when somebody is called. */
export const web: Web = {
  async get(url, { timeoutMs, signal }) {
    signal.throwIfAborted();
    const { request }: { readonly request: Requesting } = url.startsWith('https:') ? await import('node:https') : await import('node:http');
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      return await statusOf(request, url, AbortSignal.any([signal, limit]));
    } catch (thrown) {
      signal.throwIfAborted();
      throw new Error(limit.aborted ? `no answer within ${timeoutMs / 1000} seconds` : reasonWithin(thrown), { cause: thrown });
    }
  },
};

function statusOf(request: Requesting, url: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { agent: false, signal, headers: { 'user-agent': 'certkit' } }, ({ statusCode = 0 }) => {
      resolve(statusCode);
      asking.destroy(); // what else it says is not wanted
    });
    asking.on('error', reject); // more than one may come
    asking.end();
  });
}

/** A name that was tried at several addresses fails with an error of many, which has no words itself. */
function reasonWithin(thrown: unknown): string {
  return thrown instanceof AggregateError && thrown.errors.length > 0 ? reasonWithin(thrown.errors[0]) : reasonOf(thrown);
}
