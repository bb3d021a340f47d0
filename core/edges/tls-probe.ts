import { createHash } from 'node:crypto';
import { connect as connectSocket, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ConnectionOptions, connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { KeyType } from '../model/lineage.ts';
import type { Endpoint } from '../model/site.ts';
import type { Probe, ProbeAnswer } from '../ports.ts';
import { askOverHttp } from './http-probe.ts';
import { reasonOf, systemCode } from './system-error.ts';

type Question = Parameters<Probe['handshake']>[0];

/** What a client that knows but one type of key says in signature_algorithms, for TLS 1.2 and 1.3 (RFC 8446 section 4.2.3). */
const SIGNATURES: Readonly<Record<KeyType, string>> = {
  ecdsa: 'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512',
  rsa: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512',
};

const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i; // needs a zone to be reached (RFC 4007)

/** Sees what servers of this machine serve. */
export function createProbe(): Probe {
  return { handshake, ask: askOverHttp, localAddresses };
}

/**
 * One TLS handshake, full, with a connection of its own. The answer pins bytes: no chain is verified, because the question is
 * what this server sends, and not whether the world trusts it. Nothing is sent afterwards.
 *
 * The chain is what Node tells of it: the leaf, then for each certificate the first one sent that issued it. For the chain a
 * CA gives, that is the certificates as sent, in order. One that issued none before it, or is sent twice, is not seen, and a
 * chain sent in another order shows in the order of issue. Nothing is added from a store of roots.
 *
 * A server that demands a certificate of its clients has shown its own before it turns us away: that is `served`.
 * Rejects only with the signal's reason.
 */
function handshake({ endpoint, name, keyType, timeoutMs, signal }: Question): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connectSocket(endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.address, port: endpoint.port });
    let tls: TLSSocket | undefined;
    let proven: Shown | undefined;

    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const answer = (found: ProbeAnswer) => end(() => resolve(found));
    const fail = (thrown: Error) => {
      (tls ?? socket).destroy();
      answer(proven === undefined ? failureOf(thrown) : { kind: 'served', ...proven });
    };
    const abort = () =>
      end(() => {
        (tls ?? socket).destroy();
        reject(signal?.reason);
      });
    const timer = setTimeout(() => {
      fail(
        Object.assign(new Error(`${tls === undefined ? 'no connection' : 'no handshake'} within ${timeoutMs / 1000} seconds`), {
          code: 'ETIMEDOUT',
          isOurs: true,
        }),
      );
    }, timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });

    socket.on('error', fail); // stays: an error after the answer is nobody's
    socket.once('connect', () => {
      if (endpoint.proxyProtocol) socket.write(proxyHeader(endpoint, socket));
      tls = connectTls(tlsOptions(socket, name, keyType));
      tls.on('error', fail);
      // Secrets of the application phase are logged once the server has proven that it holds the key of what it sent.
      tls.on('keylog', () => {
        if (tls !== undefined) proven = chainOf(tls);
      });
      tls.once('secureConnect', () => {
        if (tls === undefined) return;
        const shown = chainOf(tls);
        tls.destroySoon(); // says goodbye: a server logs a broken connection otherwise
        answer(shown === undefined ? { kind: 'refused', because: 'TLS without a certificate' } : { kind: 'served', ...shown });
      });
    });
  });
}

function tlsOptions(socket: Socket, name: string | undefined, keyType: KeyType | undefined): ConnectionOptions {
  return {
    socket,
    ...(name === undefined ? {} : { servername: name }), // Node sends no SNI by itself here
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ca: [], // else Node would complete the chain from its store of roots
    ciphers: 'DEFAULT:@SECLEVEL=0', // an old server's weak parameters are not what is asked about
    ...(keyType === undefined ? {} : { sigalgs: SIGNATURES[keyType] }),
  };
}

/** PROXY protocol, version 1: the connection as it is, with ourselves as the client. */
function proxyHeader(endpoint: Endpoint, { localAddress, localPort, remoteAddress, remotePort, remoteFamily }: Socket): string {
  if (endpoint.kind === 'unix') return 'PROXY UNKNOWN\r\n';
  return `PROXY ${remoteFamily === 'IPv6' ? 'TCP6' : 'TCP4'} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`;
}

type Shown = Omit<Extract<ProbeAnswer, { kind: 'served' }>, 'kind'>;

function chainOf(tls: TLSSocket): Shown | undefined {
  const sha256: string[] = [];
  const leaf: DetailedPeerCertificate = tls.getPeerCertificate(true);
  let certificate: DetailedPeerCertificate | undefined = leaf;
  // Without a certificate Node answers an empty object; a self-issued certificate is its own issuer.
  while (certificate?.raw !== undefined) {
    const digest = createHash('sha256').update(certificate.raw).digest('hex');
    if (sha256.includes(digest)) break;
    sha256.push(digest);
    certificate = certificate.issuerCertificate;
  }
  if (sha256.length === 0) return undefined;
  const notAfterMs = Date.parse(leaf.valid_to);
  return { sha256, ...(Number.isNaN(notAfterMs) ? {} : { notAfterMs }) };
}

function failureOf(thrown: Error): ProbeAnswer {
  const code = systemCode(thrown) ?? '';
  if (PASSING.has(code)) return { kind: 'silent', because: 'isOurs' in thrown ? thrown.message : (SILENCES[code] ?? reasonOf(thrown)) };
  return { kind: 'refused', because: refusalOf(thrown, code) };
}

const SILENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED)',
  ECONNRESET: 'the connection was broken off (ECONNRESET)',
  ENOENT: 'there is no such socket (ENOENT)',
};

const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST']);

function refusalOf(thrown: Error, code: string): string {
  if (NO_TLS.has(code)) return 'what answers there does not speak TLS';
  const alert = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(.+)$/.exec(code)?.[1];
  if (alert !== undefined) return `the server refuses the handshake: ${alert.toLowerCase().replaceAll('_', ' ')}`;
  return `the handshake failed: ${code === '' ? thrown.message : code}`;
}

/** Addresses of this machine at which a wildcard listen answers, loopback first. */
function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ address }) => !LINK_LOCAL.test(address));
  return [...new Set([...usable.filter(({ internal }) => internal), ...usable.filter(({ internal }) => !internal)].map(({ address }) => address))];
}
