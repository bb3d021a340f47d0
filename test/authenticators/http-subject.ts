import { request } from 'node:http';
import type { HttpTask } from 'certkit/plugin';

export interface Reply {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** One real request; `undefined` when nobody listens. The path goes out as it is, unnormalised. */
export function ask(
  port: number,
  path: string,
  { host = '127.0.0.1', method = 'GET' }: { readonly host?: string; readonly method?: string } = {},
): Promise<Reply | undefined> {
  return new Promise((answered, failed) => {
    const asking = request({ host, port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => answered({ status: response.statusCode ?? 0, type: response.headers['content-type'], body }));
    });
    asking.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? answered(undefined) : failed(error)));
    asking.end();
  });
}

export const pathOf = ({ token }: Pick<HttpTask, 'token'>) => `/.well-known/acme-challenge/${token}`;

/** What a CA reads for a task; `undefined` for anything but a good reply. */
export async function proofAt(port: number, task: HttpTask, host?: string): Promise<string | undefined> {
  const reply = await ask(port, pathOf(task), host === undefined ? {} : { host });
  return reply?.status === 200 ? reply.body : undefined;
}

export function taskFor(name: string, token: string): HttpTask {
  return { type: 'http-01', lineage: name, identifier: { kind: 'dns', value: name, wildcard: false }, token, keyAuthorization: `${token}.thumbprint` };
}

/** What the CA is to see. */
export const expected = ({ keyAuthorization }: HttpTask) => keyAuthorization;
