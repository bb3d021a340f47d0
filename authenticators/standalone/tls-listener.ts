import { createSecureContext, createServer, type SecureContext } from 'node:tls';
import type { PluginClock, TlsAlpnTask } from 'certkit/plugin';
import { TLS_ALPN_PROTOCOL, tlsAlpnCertificate, tlsAlpnServerName } from 'certkit/tls-alpn';
import type { Place } from './doors.ts';
import { createListener, type Listener } from './listener.ts';

const HANDSHAKE_LIMIT_MS = 10_000;

interface Shown {
  readonly serverName: string;
  readonly context: SecureContext;
}

/** Answers tls-alpn-01: handshakes with its protocol, for names that are being proven, and not a byte after them (RFC 8737 section 3). */
export function createTlsListener(place: Place, clock: PluginClock): Listener<TlsAlpnTask> {
  return createListener(
    place,
    (task: TlsAlpnTask) => shownFor(task, clock.nowMs()),
    (answers) => {
      // Without a certificate of its own it fails every handshake for another name, or for none.
      const contextFor = (serverName: string) => [...answers.values()].findLast((shown) => shown.serverName === serverName.toLowerCase())?.context;
      const server = createServer({
        minVersion: 'TLSv1.2',
        handshakeTimeout: HANDSHAKE_LIMIT_MS,
        ALPNProtocols: [TLS_ALPN_PROTOCOL],
        SNICallback: (serverName, found) => found(null, contextFor(serverName)),
      });
      return server.on('secureConnection', (client) => client.on('error', () => {}).destroySoon());
    },
  );
}

function shownFor({ identifier, keyAuthorization }: TlsAlpnTask, nowMs: number): Shown {
  const { certificatePem, keyPem } = tlsAlpnCertificate({ identifier, keyAuthorization }, nowMs);
  return { serverName: tlsAlpnServerName(identifier), context: createSecureContext({ cert: certificatePem, key: keyPem, minVersion: 'TLSv1.2' }) };
}
