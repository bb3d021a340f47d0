import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import webhook from '../../../plugins/notifiers/webhook.ts';
import { selfSigned } from '../../parts/self-signed.ts';
import { type TempDir, tempDir } from '../../parts/temp.ts';
import { badNews } from './news.ts';
import { failureOf, make, never } from './subject.ts';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let dir: TempDir;
let received: Received[];
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  dir = tempDir();
  received = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  dir.remove();
});

type Reply = (request: Received) => { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> };

async function serve(reply: Reply = () => ({ status: 204 }), create: (listener: RequestListener) => Server = createHttpServer): Promise<number> {
  const server = create(async (request, response) => {
    const one = { method: request.method, url: request.url, headers: request.headers, body: await text(request) };
    received.push(one);
    const { status, body = '', headers = {} } = reply(one);
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('a webhook', () => {
  test('posts the digest as JSON to the very address', async () => {
    const port = await serve();
    await make(webhook, { url: `http://127.0.0.1:${port}/hooks/certs?team=ops`, token: 't0ken' }).notify(badNews, never);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/hooks/certs?team=ops',
      headers: { 'content-type': 'application/json', authorization: 'Bearer t0ken', 'user-agent': 'certkit' },
    });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ schema: 1, ...badNews });
  });

  test('of a service that everybody calls at the same place finds its path below another server too', async () => {
    const port = await serve(() => ({ status: 200, body: '{"ok":true}' }));
    const url = `http://localhost:${port}/proxy/`;
    await make(webhook, { format: 'telegram', url, token: '12:Ab-c', target: '-100' }).notify(badNews, never);
    await make(webhook, { format: 'pushover', url, token: 'app', target: 'user' }).notify(badNews, never);
    await make(webhook, { format: 'ntfy', url, target: 'certs' }).notify(badNews, never);
    expect(received.map((one) => one.url)).toEqual(['/proxy/bot12:Ab-c/sendMessage', '/proxy/1/messages.json', '/proxy/']);
  });

  test('over TLS trusts the CA it is told of, and no other', async () => {
    const { certificatePem: cert, keyPem: key } = selfSigned({ names: ['localhost'] });
    const port = await serve(undefined, (listener) => createHttpsServer({ cert, key }, listener));
    const ca = join(dir.path, 'ca.pem');
    writeFileSync(ca, cert);
    const url = `https://localhost:${port}/`;
    await make(webhook, { url, 'ca-bundle': ca }).notify(badNews, never);
    const failure = await failureOf(make(webhook, { url }).notify(badNews, never));
    expect(failure.message).toContain('self-signed certificate');
    expect(failure.hint).toContain('"ca-bundle"');
    expect(received).toHaveLength(1);
  });
});

describe('an answer', () => {
  const secretUrl = (port: number) => `http://127.0.0.1:${port}/services/T024BE7LD/XyZ0123456789`;

  test('that is no success is an error with status and first line, and without secrets', async () => {
    const port = await serve(({ url, headers }) => ({ status: 403, body: `\nno_service for ${url} and ${headers.authorization}\nmore` }));
    const failure = await failureOf(make(webhook, { url: secretUrl(port), token: 't0ken-of-ours' }).notify(badNews, never));
    expect(failure).toEqual({
      code: 'PLUGIN_NOTIFY_FAILED',
      message: `webhook could not carry the news: 127.0.0.1:${port} answered 403: no_service for /services/****/**** and Bearer ****`,
      hint: 'See "url", "token" and "target" of webhook; "certkit notify test" tries them.',
    });
  });

  test('that redirects is not followed', async () => {
    const port = await serve(() => ({ status: 307, headers: { location: '/elsewhere' } }));
    const failure = await failureOf(make(webhook, { url: `http://127.0.0.1:${port}/` }).notify(badNews, never));
    expect(failure.message).toContain('answered 307');
    expect(failure.hint).toContain('redirect');
    expect(received).toHaveLength(1);
  });

  test('of any length is no trouble', async () => {
    const port = await serve(() => ({ status: 500, body: 'x'.repeat(5_000_000) }));
    const { message } = await failureOf(make(webhook, { url: `http://127.0.0.1:${port}/` }).notify(badNews, never));
    expect(message.length).toBeLessThan(400);
  });

  test('that never comes ends with the run', async () => {
    const abort = new AbortController();
    const port = await serve(undefined, () => createHttpServer(() => abort.abort(new Error('stopped by hand'))));
    await expect(make(webhook, { url: `http://127.0.0.1:${port}/` }).notify(badNews, abort.signal)).rejects.toThrow('stopped by hand');
  });

  test('of a server that is not there is an error with its place', async () => {
    const port = await serve();
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const { message } = await failureOf(make(webhook, { url: secretUrl(port) }).notify(badNews, never));
    expect(message).toMatch(new RegExp(`^webhook could not carry the news: 127.0.0.1:${port} cannot be reached: .*ECONNREFUSED`));
    expect(message).not.toContain('T024BE7LD');
  });
});

describe('options are refused:', () => {
  const table: readonly [Record<string, unknown>, string, string][] = [
    [{}, 'url', 'the format json needs it'],
    [{ format: 'irc' }, 'format', 'there is no format "irc"'],
    [{ format: 'constructor' }, 'format', 'there is no format'],
    [{ format: 'telegram', target: '1' }, 'token', 'the format telegram needs it'],
    [{ format: 'ntfy' }, 'target', 'the format ntfy needs it'],
    [{ url: 'hooks.example.com/x' }, 'url', 'it is no web address'],
    [{ url: 'ftp://example.com/' }, 'url', 'it is no web address'],
    [{ url: 'http://hooks.example.com/T024BE7LD' }, 'url', 'without TLS'],
    [{ url: 'http://127.0.0.1.example.com/' }, 'url', 'without TLS'],
    [{ url: 'https://example.com/', token: 'a b' }, 'token', 'a space'],
  ];
  for (const [options, option, words] of table) {
    test(JSON.stringify(options), async () => {
      const failure = await failureOf(() => make(webhook, options));
      expect(failure).toMatchObject({ code: 'PLUGIN_OPTION_INVALID', message: expect.stringContaining(`Option "${option}" of webhook: `) });
      expect(failure.message).toContain(words);
      expect(JSON.stringify(failure)).not.toContain('T024BE7LD');
    });
  }
});
