import { request as ask, type IncomingHttpHeaders } from 'node:http';
import { request as askOverTls } from 'node:https';

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What the server at the port of 127.0.0.1 answers for a host, without following a redirect. */
export const answerOf = (protocol: 'http' | 'https', port: number, host: string, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { host }, agent: false, timeout: 5_000 };
    const asking = protocol === 'http' ? ask(options) : askOverTls({ ...options, servername: host, rejectUnauthorized: false });
    asking.on('response', (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, text }));
    });
    asking.on('timeout', () => asking.destroy(new Error(`${protocol}://${host} did not answer`)));
    asking.on('error', reject);
    asking.end();
  });
