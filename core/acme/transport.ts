import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { fault } from '../errors.ts';
import { Silence } from './problem.ts';
import { createTunnelAgent } from './tunnel.ts';

export interface TransportOptions {
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** Roots to trust besides those that Node trusts. */
  readonly bundlePem?: string;
  readonly proxy?: string;
}

export interface Outgoing {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
  readonly accept: string;
  readonly signal: AbortSignal;
}

export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Transport {
  /** Sends once. @throws Silence when no whole reply came; ACME_BAD_REPLY when it is too long; the signal's reason */
  send(outgoing: Outgoing): Promise<Incoming>;
  close(): void;
}

const MAX_SOCKETS = 8;
const MAX_BODY_BYTES = 1024 * 1024;

/** HTTPS with one CA over few connections that stay open. */
export function createTransport({ userAgent, timeoutMs, bundlePem, proxy }: TransportOptions): Transport {
  const agents: Agent[] = [];
  const openAgent = (roots: readonly string[] | undefined): Agent => {
    const options: AgentOptions = {
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      ...(roots === undefined ? {} : { secureContext: trusting(roots) }),
    };
    const agent = proxy === undefined ? new Agent(options) : createTunnelAgent(proxyUrl(proxy), options);
    agents.push(agent);
    return agent;
  };
  let agent: Agent | undefined;
  let widened = false;

  return {
    async send(outgoing) {
      agent ??= openAgent(bundlePem === undefined ? undefined : [bundlePem]);
      try {
        return await sendOnce(outgoing, { agent, userAgent, timeoutMs });
      } catch (error) {
        if (!(error instanceof Silence) || !isDistrust(error.cause) || bundlePem === undefined) throw error;
        // Adding to Node's own roots takes 40 ms, so a bundle is first tried alone. Nothing was sent: the handshake failed.
        if (!widened) agent = openAgent([...rootCertificates, bundlePem]);
        widened = true;
        return await sendOnce(outgoing, { agent, userAgent, timeoutMs });
      }
    },
    close: () => {
      for (const one of agents) one.destroy();
    },
  };
}

function trusting(roots: readonly string[]): SecureContext {
  const unusable = (cause?: unknown) => fault('USAGE_INVALID', { problem: 'The CA bundle holds no certificates in PEM form' }, cause);
  if (!roots.every((root) => root.includes('-----BEGIN CERTIFICATE-----'))) throw unusable();
  try {
    return createSecureContext({ ca: [...roots] });
  } catch (cause) {
    throw unusable(cause);
  }
}

function proxyUrl(text: string): URL {
  // The text is not repeated: it may hold a password.
  if (!URL.canParse(text) || !['http:', 'https:'].includes(new URL(text).protocol))
    throw fault('USAGE_INVALID', { problem: 'The proxy is no http or https URL' });
  return new URL(text);
}

interface Way {
  readonly agent: Agent;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

function sendOnce({ method, url, body, accept, signal }: Outgoing, { agent, userAgent, timeoutMs }: Way): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const headers = {
      accept,
      'accept-language': 'en',
      'user-agent': userAgent,
      ...(body === undefined ? {} : { 'content-type': 'application/jose+json', 'content-length': Buffer.byteLength(body) }),
    };
    const fail = (error: unknown) => {
      reject(error);
      sent.destroy();
    };
    const broken = (error: Error) => fail(new Silence({ url, because: reasonOf(error), lasting: isLasting(error) }, error));
    const sent = request(url, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) fail(fault('ACME_BAD_REPLY', { url, because: `it is longer than ${MAX_BODY_BYTES} bytes` }));
        else chunks.push(chunk);
      });
      response.once('error', broken);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }));
    });
    const timer = setTimeout(() => fail(new Silence({ url, because: `no whole reply within ${timeoutMs / 1_000} seconds`, lasting: false })), timeoutMs);
    const abort = () => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    sent.on('error', broken);
    sent.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    });
    sent.end(body);
  });
}

const DISTRUST: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route leads there',
  ENETUNREACH: 'no route leads there',
  ENOTFOUND: 'DNS does not know the name',
  EAI_AGAIN: 'DNS does not answer',
  EPIPE: 'the connection was cut',
  EPROTO: 'no TLS of ours is spoken there',
  ETIMEDOUT: 'the connection timed out',
};

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '');

const isDistrust = (error: unknown) => DISTRUST.has(codeOf(error));

const isLasting = (error: Error) => isDistrust(error) || ['ENOTFOUND', 'EPROTO'].includes(codeOf(error));

function reasonOf(error: Error): string {
  if (isDistrust(error)) return `its TLS certificate is not trusted: ${error.message} (${codeOf(error)}); the roots of a private CA are given with --ca-bundle`;
  const words = WORDS[codeOf(error)];
  return words === undefined ? error.message : `${words} (${codeOf(error)})`;
}
