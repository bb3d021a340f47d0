import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { web } from '../../core/edges/web.ts';
import { freePort } from '../parts/ports.ts';
import { selfSigned } from '../parts/self-signed.ts';

const never = new AbortController().signal;
const LONG_MS = 60_000;

async function serve(answer: RequestListener, create: (listener: RequestListener) => Server = createHttpServer): Promise<number> {
  const server = create(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('answers the status, whatever it is, and follows no redirect', async () => {
  const seen: string[] = [];
  const port = await serve(({ method, url }, reply) => {
    seen.push(`${method} ${url}`);
    reply.writeHead(302, { location: '/other' }).end();
  });
  expect(await web.get(`http://127.0.0.1:${port}/ping?x=1`, { timeoutMs: LONG_MS, signal: never })).toBe(302);
  expect(seen).toEqual(['GET /ping?x=1']);
});

test('a server that nobody vouches for is not called', async () => {
  const { certificatePem, keyPem } = selfSigned({ names: ['127.0.0.1'] });
  let calls = 0;
  const port = await serve(
    (_request, reply) => {
      calls++;
      reply.end();
    },
    (listener) => createHttpsServer({ key: keyPem, cert: certificatePem }, listener),
  );
  await expect(web.get(`https://127.0.0.1:${port}/secret`, { timeoutMs: LONG_MS, signal: never })).rejects.toThrow(/certificate/);
  expect(calls).toBe(0);
});

test('says why no answer came, and nothing of the address but what the system says', async () => {
  const dead = await freePort();
  const refused = web.get(`http://127.0.0.1:${dead}/secret`, { timeoutMs: LONG_MS, signal: never });
  await expect(refused).rejects.toThrow(/ECONNREFUSED/);
  await expect(refused).rejects.not.toThrow(/secret/);
  const silent = await serve(() => {});
  await expect(web.get(`http://127.0.0.1:${silent}/secret`, { timeoutMs: 50, signal: never })).rejects.toThrow('no answer within 0.05 seconds');
});

test('is given up when the run is stopped', async () => {
  const stopping = new AbortController();
  const port = await serve(() => stopping.abort(new Error('stopped')));
  await expect(web.get(`http://127.0.0.1:${port}/`, { timeoutMs: LONG_MS, signal: stopping.signal })).rejects.toThrow('stopped');
});
