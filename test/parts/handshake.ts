import { X509Certificate } from 'node:crypto';
import { type ConnectionOptions, connect, type DetailedPeerCertificate } from 'node:tls';

export interface HandshakeTarget {
  readonly port: number;
  /** Sent as SNI; none is sent when it is not given. */
  readonly servername?: string;
  readonly host?: string;
  /** OpenSSL names, `RSA-PSS+SHA256` or `ECDSA+SHA256`: which of two certificates the server picks. */
  readonly sigalgs?: string;
}

/** The chain a server sends, leaf first, whoever signed it. */
export const servedCertificate = (target: HandshakeTarget): Promise<X509Certificate[]> => handshake(target, { rejectUnauthorized: false });

/** The same as a browser would do it: refuses a chain that does not lead to `ca`, and a certificate for other names. */
export const verifiedHandshake = (target: HandshakeTarget, ca: string | readonly string[]): Promise<X509Certificate[]> =>
  handshake(target, { rejectUnauthorized: true, ca: typeof ca === 'string' ? ca : [...ca] });

const TIMEOUT_MS = 5_000;

const handshake = ({ port, servername, host = '127.0.0.1', sigalgs }: HandshakeTarget, verification: ConnectionOptions): Promise<X509Certificate[]> =>
  new Promise((resolve, reject) => {
    const socket = connect(
      { ...verification, port, host, ...(servername === undefined ? {} : { servername }), ...(sigalgs === undefined ? {} : { sigalgs }) },
      () => {
        resolve(sentChain(socket.getPeerCertificate(true)));
        socket.destroy();
      },
    );
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no handshake with ${host}:${port} within ${TIMEOUT_MS} ms`)));
    socket.once('error', reject);
  });

function sentChain(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  for (let one: DetailedPeerCertificate | undefined = leaf; one?.raw !== undefined && !seen.has(one.fingerprint256); one = one.issuerCertificate) {
    seen.add(one.fingerprint256);
    chain.push(new X509Certificate(one.raw));
  }
  return chain;
}
