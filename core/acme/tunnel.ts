import { request as plainRequest } from 'node:http';
import { Agent, type AgentOptions, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

const CONNECT_TIMEOUT_MS = 15_000;

interface Target {
  readonly host: string;
  readonly port: number | string;
  readonly servername?: string;
}

/** An agent whose connections lead through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6); TLS with the CA is inside. */
export function createTunnelAgent(proxy: URL, options: AgentOptions): Agent {
  const agent = new Agent(options);
  const open = (target: Target, done: (error: Error | null, socket?: Socket) => void) => {
    tunnelTo(proxy, `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`).then(
      (socket) => done(null, connect({ ...target, ...options, socket } as ConnectionOptions)),
      (error: Error) => done(error),
    );
  };
  // Node takes the socket from the callback when nothing is returned; the type does not say so.
  agent.createConnection = open as unknown as typeof agent.createConnection;
  return agent;
}

function tunnelTo(proxy: URL, authority: string): Promise<Socket> {
  const credentials = proxy.username === '' ? undefined : `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const headers = { host: authority, ...(credentials === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }) };
  const send = proxy.protocol === 'https:' ? tlsRequest : plainRequest;
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const fail = (because: string, cause?: unknown) => reject(new Error(`the proxy at ${proxy.host} ${because}`, { cause }));
    const request = send({ host, port: proxy.port, method: 'CONNECT', path: authority, headers, agent: false, timeout: CONNECT_TIMEOUT_MS });
    request.once('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      fail(`answers HTTP ${response.statusCode}`);
    });
    request.once('response', (response) => {
      response.resume();
      fail(`answers HTTP ${response.statusCode}`);
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error) => fail(`cannot be used: ${error.message}`, error));
    request.end();
  });
}
