import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestOptions, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { printed, temporaryHome } from '../../e2e/certkit.ts';
import { type Pebble, startPebble } from '../../parts/pebble.ts';
import { freePorts } from '../../parts/ports.ts';

/** One CA for many servers that run at the same time. */
export interface Ca {
  readonly pebble: Pebble;
  /** Makes a home that knows this CA and has an account there. */
  furnish(home: string, settings: Readonly<Record<string, unknown>>): void;
  /** From now on the CA's questions are put to the server at this port too. @returns no longer */
  asks(httpPort: number): () => void;
  /** The next answer that the server at this port has is kept back while `meanwhile` runs. @returns when it has run */
  pausesAt(httpPort: number, meanwhile: () => void): Promise<void>;
  stop(): Promise<void>;
}

export async function startCa(): Promise<Ca> {
  const [tlsPort = 0, standalonePort = 0] = await freePorts(2);
  const servers = new Set<number>();
  const pauses = new Map<number, () => void>();
  const front = await startFront(servers, pauses);
  const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };
  const pebble = await startPebble({ httpPort: front.port, tlsPort, nonceRejectPercent: 0, authzReusePercent: 0, profiles });
  const first = temporaryHome();
  const stop = async () => {
    first.remove();
    await pebble.stop();
    await front.stop();
  };
  const ca = ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
  servers.add(standalonePort);
  const registered = await first.run(['-d', 'first.test', '--authenticator', 'standalone', '--standalone-port', String(standalonePort), ...ca]);
  servers.delete(standalonePort);
  if (registered.exitCode !== 0) {
    await stop();
    throw new Error(`no account could be made: ${printed(registered)}`);
  }
  return {
    pebble,
    furnish: (home, settings) => {
      mkdirSync(home, { recursive: true, mode: 0o700 });
      cpSync(join(first.path, 'accounts'), join(home, 'accounts'), { recursive: true });
      const known = { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, resolvers: pebble.dns === undefined ? [] : [pebble.dns.address] };
      writeFileSync(join(home, 'certkit.yaml'), JSON.stringify({ ...known, ...settings }), { mode: 0o600 });
    },
    asks: (httpPort) => {
      servers.add(httpPort);
      return () => servers.delete(httpPort);
    },
    pausesAt: (httpPort, meanwhile) =>
      new Promise((resolve) => {
        pauses.set(httpPort, () => {
          pauses.delete(httpPort);
          meanwhile();
          resolve();
        });
      }),
    stop,
  };
}

/** The CA asks at one port; whichever server has the answer gives it. */
async function startFront(servers: ReadonlySet<number>, pauses: ReadonlyMap<number, () => void>): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const front = createServer(async (question, answer) => {
    const asked = [...servers].map(async (port) => {
      const text = await get({ host: '127.0.0.1', port, path: question.url, headers: { host: question.headers.host } });
      pauses.get(port)?.();
      return text;
    });
    const text = await Promise.any(asked).catch(() => undefined);
    answer.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  return {
    port: (front.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        front.close(() => resolve());
        front.closeAllConnections();
      }),
  };
}

const get = (options: RequestOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ ...options, agent: false }, async (reply) => {
      let text = '';
      for await (const chunk of reply.setEncoding('utf8')) text += chunk;
      if (reply.statusCode === 200) resolve(text);
      else reject(new Error(`port ${options.port} has no answer`));
    })
      .once('error', reject)
      .end();
  });
