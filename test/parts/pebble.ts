import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { guard } from './guard.ts';
import { freePorts, untilListening } from './ports.ts';
import { startProgram } from './program.ts';
import { selfSigned } from './self-signed.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

export interface PebbleProfile {
  readonly description: string;
  /** In seconds. */
  readonly validityPeriod: number;
}

export interface PebbleOptions {
  /** Where the CA looks for http-01 answers. */
  readonly httpPort: number;
  /** Where it looks for tls-alpn-01 answers. A redirect of an http-01 request to https goes to the port in its URL, not here. */
  readonly tlsPort: number;
  /** How many good nonces in a hundred are refused. */
  readonly nonceRejectPercent?: number;
  /** How many valid authorizations in a hundred are used again; Pebble's own default is 50. */
  readonly authzReusePercent?: number;
  /** `host:port`; when not given, pebble-challtestsrv is started and answers every name with 127.0.0.1. */
  readonly dnsServer?: string;
  /** Lets Pebble sleep up to 15 s before each validation, as it does by default. */
  readonly sleep?: boolean;
  /** What `Retry-After` says, in seconds; 0 (when not given) sends no such header. */
  readonly retryAfter?: { readonly authz: number; readonly order: number };
  readonly profiles?: Readonly<Record<string, PebbleProfile>>;
  /** Refused with `rejectedIdentifier`. */
  readonly domainBlocklist?: readonly string[];
  /** Further settings of Pebble's configuration, and its environment. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

export interface AcmeRequest {
  readonly method: string;
  /** Pebble's own: `/dir`, `/nonce-plz`, `/sign-me-up`, `/order-plz`, `/my-order/`, `/authZ/`, `/chalZ/`, `/finalize-order/`, `/certZ/` ... */
  readonly path: string;
}

export interface Pebble {
  readonly directoryUrl: string;
  readonly managementUrl: string;
  /** Verifies Pebble's own https listeners; has nothing to do with the certificates it issues. */
  readonly caBundlePath: string;
  /** The roots of the certificates it issues, PEM; other ones at each start. */
  roots(): Promise<string>;
  /** A request to the management listener, for example `POST /set-renewal-info/`. */
  manage(method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ readonly status: number; readonly body: string }>;
  readonly dns: PebbleDns | undefined;
  log(): string;
  /** The ACME requests it has had so far, in order; those refused for their nonce are in it. */
  requests(): readonly AcmeRequest[];
  /** How many orders it has made. */
  orders(): number;
  stop(): Promise<void>;
}

/** The DNS that the CA asks, when it is ours. */
export interface PebbleDns {
  readonly address: string;
  setA(name: string, addresses: readonly string[]): Promise<void>;
  clear(name: string): Promise<void>;
  setTxt(name: string, value: string): Promise<void>;
  clearTxt(name: string): Promise<void>;
  servfail(name: string): Promise<void>;
}

/** Pebble on free loopback ports, with validation for real. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const programs = await tool('pebble');
  const dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  const [acmePort, managementPort, dnsPort, dnsManagementPort] = (await freePorts(4)) as [number, number, number, number];
  const dismissGuard = guard('sleep 0.3; rm -rf "$1"', [dir.path]); // after the programs' own guards
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(running.map((program) => program.stop()));
    dismissGuard();
    dir.remove();
  };
  try {
    const startDns = async (): Promise<PebbleDns> => {
      const address = `127.0.0.1:${dnsPort}`;
      const nothing = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', ''];
      const server = await startProgram(
        pathOf(programs, 'challtestsrv'),
        ['-dnsserver', address, '-management', `127.0.0.1:${dnsManagementPort}`, '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', ...nothing],
        { logPath: at('dns.log') },
      );
      running.push(server);
      await server.printed(/management server/i);
      return dnsAt(address, `http://127.0.0.1:${dnsManagementPort}`);
    };
    const dns = options.dnsServer === undefined ? await startDns() : undefined;

    const listener = selfSigned({ names: ['localhost', '127.0.0.1'] });
    writeFileSync(at('cert.pem'), listener.certificatePem);
    writeFileSync(at('key.pem'), listener.keyPem, { mode: 0o600 });
    const config = {
      listenAddress: `127.0.0.1:${acmePort}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: at('cert.pem'),
      privateKey: at('key.pem'),
      httpPort: options.httpPort,
      tlsPort: options.tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      domainBlocklist: options.domainBlocklist ?? [],
      retryAfter: options.retryAfter ?? { authz: 0, order: 0 },
      keyAlgorithm: 'ecdsa',
      profiles: options.profiles ?? {
        default: { description: 'Ninety days', validityPeriod: 7_776_000 },
        shortlived: { description: 'Six days', validityPeriod: 518_400 },
      },
      ...options.config,
    };
    writeFileSync(at('pebble.json'), JSON.stringify({ pebble: config }));
    const server = await startProgram(pathOf(programs, 'pebble'), ['-config', at('pebble.json'), '-dnsserver', options.dnsServer ?? `127.0.0.1:${dnsPort}`], {
      logPath: at('pebble.log'),
      env: {
        PEBBLE_WFE_NONCEREJECT: String(options.nonceRejectPercent ?? 5),
        ...(options.sleep === true ? {} : { PEBBLE_VA_NOSLEEP: '1' }),
        ...(options.authzReusePercent === undefined ? {} : { PEBBLE_AUTHZREUSE: String(options.authzReusePercent) }),
        ...options.env,
      },
    });
    running.push(server);
    await server.printed(/Listening on/);

    const managementUrl = `https://127.0.0.1:${managementPort}`;
    const directoryUrl = `https://127.0.0.1:${acmePort}/dir`;
    const manage: Pebble['manage'] = (method, path, body) => ask(method, `${managementUrl}${path}`, listener.certificatePem, body);
    await Promise.all([untilListening(acmePort), untilListening(managementPort)]); // it says so just before it does
    return {
      directoryUrl,
      managementUrl,
      caBundlePath: at('cert.pem'),
      roots: async () => {
        const roots: string[] = [];
        for (;;) {
          const { status, body } = await manage('GET', `/roots/${roots.length}`);
          if (status !== 200) return roots.join('');
          roots.push(body);
        }
      },
      manage,
      dns,
      log: () => server.output(),
      requests: () => parseRequests(server.output()),
      orders: () => [...server.output().matchAll(/Added order "/g)].length,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const parseRequests = (log: string): AcmeRequest[] =>
  [...log.matchAll(/ (\S+) (\/\S*) -> calling handler\(\)/g)]
    .map(([, method = '', path = '']) => ({ method, path }))
    .filter(({ path }) => !/^\/(roots|intermediates|set-renewal-info)/.test(path));

function dnsAt(address: string, managementUrl: string): PebbleDns {
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${managementUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`the test DNS server answered ${response.status} to ${path}`);
  };
  const dotted = (host: string) => (host.endsWith('.') ? host : `${host}.`);
  return {
    address,
    setA: (host, addresses) => post('/add-a', { host: dotted(host), addresses }),
    clear: (host) => post('/clear-a', { host: dotted(host) }),
    setTxt: (host, value) => post('/set-txt', { host: dotted(host), value }),
    clearTxt: (host) => post('/clear-txt', { host: dotted(host) }),
    servfail: (host) => post('/set-servfail', { host: dotted(host) }),
  };
}

const ask = (method: string, url: string, ca: string, body?: unknown): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, ca, agent: false, headers: { 'User-Agent': 'certkit-test' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
