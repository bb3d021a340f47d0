import type { IncomingMessage } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from '../parts/self-signed.ts';

/** What happens to a request instead of what should. */
export type Fault =
  | { readonly kind: 'drop-request' }
  /** The CA did what it was asked, and nobody hears of it. */
  | { readonly kind: 'drop-reply' }
  | { readonly kind: 'cut-reply' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The CA's reply with other headers, or another body. */
  | { readonly kind: 'alter'; readonly headers?: Readonly<Record<string, string>>; readonly body?: (body: string) => string };

export interface FaultProxy {
  readonly directory: string;
  readonly bundlePem: string;
  /** The next `times` requests whose path matches go wrong. */
  plant(path: RegExp, fault: Fault, times?: number): void;
  /** Nothing goes wrong any more. */
  mend(): void;
  /** Paths, in order, as they arrived. */
  readonly seen: readonly string[];
  /** Nonces of the signed requests, as they arrived. */
  readonly nonces: readonly string[];
  close(): Promise<void>;
}

/** Stands before a CA and misbehaves as told. The CA writes its URLs from the Host header, so all requests of an order come this way. */
export async function startFaultProxy(target: { readonly directory: string; readonly bundlePem: string }): Promise<FaultProxy> {
  const planted: { readonly path: RegExp; readonly fault: Fault; left: number }[] = [];
  const seen: string[] = [];
  const nonces: string[] = [];
  const { certificatePem, keyPem } = selfSigned({ names: ['127.0.0.1'] });

  const server: Server = createServer({ cert: certificatePem, key: keyPem }, async (incoming, reply): Promise<unknown> => {
    const path = incoming.url ?? '/';
    const sent = await textOf(incoming);
    seen.push(path);
    if (sent !== '') nonces.push(JSON.parse(Buffer.from(JSON.parse(sent).protected, 'base64url').toString()).nonce);
    const found = planted.find((one) => one.left > 0 && one.path.test(path));
    if (found !== undefined) found.left--;
    const fault = found?.fault;
    if (fault?.kind === 'hang') return undefined;
    if (fault?.kind === 'drop-request') return incoming.socket.destroy();
    if (fault?.kind === 'answer') return reply.writeHead(fault.status, fault.headers).end(fault.body);

    const asked = request(
      new URL(path, target.directory),
      { method: incoming.method, headers: incoming.headers, ca: target.bundlePem, agent: false },
      async (answer): Promise<unknown> => {
        const body = await textOf(answer);
        if (fault?.kind === 'drop-reply') return incoming.socket.destroy();
        const altered = fault?.kind === 'alter' ? fault : undefined;
        const bytes = Buffer.from(altered?.body?.(body) ?? body);
        const { 'transfer-encoding': _, ...headers } = answer.headers;
        reply.writeHead(answer.statusCode ?? 500, {
          ...headers,
          ...(incoming.method === 'HEAD' ? {} : { 'content-length': bytes.length }),
          ...altered?.headers,
        });
        if (fault?.kind !== 'cut-reply') return reply.end(bytes);
        return reply.write(bytes.subarray(0, bytes.length / 2), () => incoming.socket.destroy());
      },
    );
    asked.on('error', () => incoming.socket.destroy());
    return asked.end(sent);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;

  return {
    directory: `https://127.0.0.1:${port}${new URL(target.directory).pathname}`,
    bundlePem: certificatePem,
    plant: (path, fault, times = 1) => planted.push({ path, fault, left: times }),
    mend: () => void planted.splice(0),
    seen,
    nonces,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
