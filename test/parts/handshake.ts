import { X509Certificate } from 'node:crypto';
import { connect as connectSocket, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';

export interface HandshakeTarget {
  readonly port?: number;
  /** Of a unix socket, in place of a port. */
  readonly path?: string;
  /** Sent as SNI; none is sent when it is not given. */
  readonly servername?: string;
  readonly host?: string;
  /** OpenSSL names, `RSA-PSS+SHA256` or `ECDSA+SHA256`: which of two certificates the server picks. */
  readonly sigalgs?: string;
  /** Offered with ALPN (RFC 7301). */
  readonly protocols?: readonly string[];
  /** A PROXY header goes first, as a load balancer sends it. */
  readonly proxyProtocol?: boolean;
}

/** The chain a server sends, leaf first, whoever signed it. */
export const servedCertificate = (target: HandshakeTarget): Promise<X509Certificate[]> => handshake(target, { rejectUnauthorized: false }, chainOf);

/** The same as a browser would do it: refuses a chain that does not lead to `ca`, and a certificate for other names. */
export const verifiedHandshake = (target: HandshakeTarget, ca: string | readonly string[]): Promise<X509Certificate[]> =>
  handshake(target, { rejectUnauthorized: true, ca: typeof ca === 'string' ? ca : [...ca] }, chainOf);

/** The protocol that a server picks of those offered; `undefined` when it knows none of them. */
export const pickedProtocol = (target: HandshakeTarget): Promise<string | undefined> =>
  handshake(target, { rejectUnauthorized: false }, ({ alpnProtocol }) => (typeof alpnProtocol === 'string' ? alpnProtocol : undefined));

const TIMEOUT_MS = 5_000;

async function handshake<T>(target: HandshakeTarget, verification: ConnectionOptions, answer: (socket: TLSSocket) => T): Promise<T> {
  const { servername, sigalgs, protocols } = target;
  const options: ConnectionOptions = {
    ...verification,
    socket: await connected(target),
    ...(servername === undefined ? {} : { servername }),
    ...(sigalgs === undefined ? {} : { sigalgs }),
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  };
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      resolve(answer(socket));
      socket.destroy();
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no handshake with ${nameOf(target)} within ${TIMEOUT_MS} ms`)));
    socket.once('error', reject);
  });
}

const connected = ({ host = '127.0.0.1', port, path, proxyProtocol = false }: HandshakeTarget): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = path === undefined ? connectSocket({ host, port: port ?? 443 }) : connectSocket(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      if (proxyProtocol) socket.write('PROXY UNKNOWN\r\n');
      socket.off('error', reject);
      resolve(socket);
    });
  });

const nameOf = ({ host = '127.0.0.1', port, path }: HandshakeTarget) => path ?? `${host}:${port}`;

const chainOf = (socket: TLSSocket): X509Certificate[] => sentChain(socket.getPeerCertificate(true));

function sentChain(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  for (let one: DetailedPeerCertificate | undefined = leaf; one?.raw !== undefined && !seen.has(one.fingerprint256); one = one.issuerCertificate) {
    seen.add(one.fingerprint256);
    chain.push(new X509Certificate(one.raw));
  }
  return chain;
}
