import { connect } from 'node:net';
import type { Probe } from '../ports.ts';
import { getOver } from './http-get.ts';

type Question = Parameters<Probe['ask']>[0];
type Answer = Awaited<ReturnType<Probe['ask']>>;

/** One GET over plain HTTP to where a server listens. Rejects only with the signal's reason. */
export async function askOverHttp({ endpoint, host, path, timeoutMs, signal }: Question): Promise<Answer> {
  signal?.throwIfAborted();
  const socket = connect(endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.address, port: endpoint.port });
  if (endpoint.proxyProtocol) socket.write('PROXY UNKNOWN\r\n'); // PROXY protocol, version 1: whoever reads it takes the connection as it is
  const answer = await getOver({ socket, isSecure: false, host, path, timeoutMs, signal });
  if (answer.kind !== 'reply') return { kind: 'silent', because: answer.because };
  const { status, body, location } = answer;
  return { kind: 'answered', status, body, ...(location === undefined ? {} : { location }) };
}
