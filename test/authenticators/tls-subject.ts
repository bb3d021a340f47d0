import { createHash, X509Certificate } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import { connect } from 'node:tls';
import type { TlsAlpnTask } from 'certkit/plugin';

export function tlsTaskFor(name: string, token: string): TlsAlpnTask {
  const identifier =
    name.includes(':') || /^[\d.]+$/.test(name)
      ? ({ kind: 'ip', value: name, wildcard: false } as const)
      : ({ kind: 'dns', value: name, wildcard: false } as const);
  return { type: 'tls-alpn-01', lineage: name, identifier, token, keyAuthorization: `${token}.thumbprint` };
}

/** What the CA is to see: the digest, in hex. */
export const expectedDigest = ({ keyAuthorization }: TlsAlpnTask) => createHash('sha256').update(keyAuthorization).digest('hex');

export interface Greeting {
  readonly certificate: X509Certificate;
  readonly protocol: string | undefined;
  /** What was sent after the handshake, to the end of the connection. */
  readonly data: string;
}

/** One handshake as a CA makes it, read to its end; `undefined` when nobody listens, or the server refuses. */
export function greet(
  port: number,
  {
    serverName,
    protocols = ['acme-tls/1'],
    host = '127.0.0.1',
  }: { readonly serverName?: string; readonly protocols?: readonly string[]; readonly host?: string },
): Promise<Greeting | undefined> {
  return new Promise((greeted, failed) => {
    const socket = connectSocket({ host, port });
    socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? greeted(undefined) : failed(error)));
    socket.once('connect', () => {
      const tls = connect({
        socket,
        rejectUnauthorized: false,
        ...(serverName === undefined ? {} : { servername: serverName }),
        ALPNProtocols: [...protocols],
      });
      let seen: Omit<Greeting, 'data'> | undefined;
      let data = '';
      tls.on('error', () => greeted(undefined)); // an alert of the server
      tls.once('secureConnect', () => {
        seen = { certificate: new X509Certificate(tls.getPeerCertificate().raw), protocol: tls.alpnProtocol || undefined };
      });
      tls.setEncoding('utf8').on('data', (text: string) => {
        data += text;
      });
      tls.once('close', () => greeted(seen === undefined ? undefined : { ...seen, data }));
    });
  });
}

const ACME_IDENTIFIER = Buffer.from('06082b0601050507011f0101ff04220420', 'hex'); // its OID, critical, an octet string of 32 octets in another

/** The digest in a certificate's critical acmeIdentifier extension, in hex. */
export function digestIn({ raw }: X509Certificate): string | undefined {
  const at = raw.indexOf(ACME_IDENTIFIER);
  return at === -1 ? undefined : raw.subarray(at + ACME_IDENTIFIER.length, at + ACME_IDENTIFIER.length + 32).toString('hex');
}

/** What a CA finds for a task's name. */
export async function digestAt(port: number, serverName: string, host?: string): Promise<string | undefined> {
  const greeting = await greet(port, { serverName, ...(host === undefined ? {} : { host }) });
  return greeting === undefined ? undefined : digestIn(greeting.certificate);
}
