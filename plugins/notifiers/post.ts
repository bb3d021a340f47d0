import { request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** PEM; who may vouch for the server, instead of the CAs that Node knows. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const MOST_ANSWER_BYTES = 16_384;

/** One POST over a connection of its own. No redirect is followed, no proxy used; the answer's beginning is enough. */
export function post(url: URL, { headers, body, ca, signal }: PostOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      headers: { 'user-agent': 'certkit', ...headers, 'content-length': Buffer.byteLength(body) },
      agent: false,
      signal,
    } as const;
    const request = url.protocol === 'https:' ? requestByHttps(url, { ...options, ...(ca === undefined ? {} : { ca }) }) : requestByHttp(url, options);

    request.on('error', reject); // more than one may come
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const answer = () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= MOST_ANSWER_BYTES) answer();
      });
      response.once('end', answer);
      response.once('error', reject);
    });
    request.end(body);
  });
}
