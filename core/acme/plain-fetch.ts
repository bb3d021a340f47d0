import { request } from 'node:http';
import { Unusable } from './revocation-answer.ts';

export interface PlainRequest {
  readonly url: string;
  /** Sent by POST; absent: GET. */
  readonly body?: { readonly type: string; readonly bytes: Uint8Array };
  readonly maxBytes: number;
  /** For the whole reply. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * One request over plain http, directly and not by the proxy for the CA, which is one for https; redirects are not followed.
 *
 * @throws Unusable when no whole reply with status 200 came; the signal's reason
 */
export function plainFetch({ url, body, maxBytes, timeoutMs, signal }: PlainRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const fail = (error: unknown) => {
      reject(error);
      sent.destroy();
    };
    const headers = body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length };
    const sent = request(url, { method: body === undefined ? 'GET' : 'POST', headers, agent: false }, (response) => {
      if (response.statusCode !== 200) return fail(new Unusable(`has status ${response.statusCode}`));
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) fail(new Unusable(`is longer than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.once('error', (error) => fail(new Unusable(`broke off: ${error.message}`)));
      response.once('end', () => resolve(Buffer.concat(chunks)));
    });
    const timer = setTimeout(() => fail(new Unusable(`was not whole after ${timeoutMs / 1_000} seconds`)), timeoutMs);
    const abort = () => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    sent.on('error', (error) => fail(new Unusable(`did not come: ${error.message}`)));
    sent.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    });
    sent.end(body?.bytes);
  });
}
