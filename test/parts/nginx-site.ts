import type { NginxInstance } from './nginx-instance.ts';
import { freePorts } from './ports.ts';
import { selfSigned } from './self-signed.ts';

export type KeyType = 'ecdsa' | 'rsa';

export interface SiteOptions {
  /** The first one names its files. */
  readonly names: readonly string[];
  /** A TLS block with a self-signed placeholder; without it the site is plain HTTP only. */
  readonly tls?: boolean;
  /** A pair for each; ECDSA only when not given. */
  readonly keyTypes?: readonly KeyType[];
  /** Text for inside the server blocks. */
  readonly extraHttp?: string;
  readonly extraHttps?: string;
}

export interface Site {
  readonly name: string;
  readonly names: readonly string[];
  readonly webroot: string;
  /** The file with the plain HTTP server block. */
  readonly httpConf: string;
  readonly tls: SiteTls | undefined;
}

export interface Pair {
  readonly keyType: KeyType;
  readonly certificatePath: string;
  readonly keyPath: string;
  /** The self-signed certificate that stands there until somebody puts a better one. */
  readonly placeholderPem: string;
}

export interface SiteTls {
  /** The file with the TLS server block. */
  readonly sslConf: string;
  /** The file where `ssl_certificate` stands: on a Centmin layout one that the TLS block includes. */
  readonly certificateConf: string;
  /** In the order of `keyTypes`. */
  readonly pairs: readonly Pair[];
  /** Of the first pair. */
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly placeholderPem: string;
}

export interface NginxLayout extends NginxInstance {
  /** Writes the site's files; a running server sees them after a reload. */
  addSite(site: SiteOptions): Site;
}

export interface LayoutOptions {
  readonly sites?: readonly SiteOptions[];
  readonly httpPort?: number;
  readonly httpsPort?: number;
  /** `127.0.0.1` when not given; `*` writes listens without an address, as most stacks have them. */
  readonly listenOn?: '127.0.0.1' | '*';
  /** Text at the end of the http block. */
  readonly extraHttp?: string;
}

export const WORLD_READABLE = 0o755;

/** Writes a placeholder for each key type. `paths` says where, from the suffix of its files: none for the first pair. */
export function writePairs(
  site: SiteOptions,
  write: NginxInstance['writeFile'],
  keyMode: number,
  paths: (suffix: string) => { readonly certificate: string; readonly key: string },
): readonly [Pair, ...Pair[]] {
  const [first = 'ecdsa', ...rest] = site.keyTypes ?? [];
  const pairOf = (keyType: KeyType, suffix: string): Pair => {
    const { certificatePem, keyPem } = selfSigned({ names: site.names, keyType });
    const { certificate, key } = paths(suffix);
    return { keyType, certificatePath: write(certificate, certificatePem), keyPath: write(key, keyPem, keyMode), placeholderPem: certificatePem };
  };
  return [pairOf(first, ''), ...rest.map((keyType) => pairOf(keyType, `-${keyType}`))];
}

/** What `Site.tls` says of pairs. */
export const firstOf = ([first]: readonly [Pair, ...Pair[]]) => ({
  certificatePath: first.certificatePath,
  keyPath: first.keyPath,
  placeholderPem: first.placeholderPem,
});

export async function portsFor({ httpPort, httpsPort }: LayoutOptions): Promise<{ httpPort: number; httpsPort: number }> {
  const [http, https] = (await freePorts(2)) as [number, number];
  return { httpPort: httpPort ?? http, httpsPort: httpsPort ?? https };
}

export const listenOf = ({ listenOn = '127.0.0.1' }: LayoutOptions, port: number): string => (listenOn === '*' ? `${port}` : `${listenOn}:${port}`);

export const userLine = (): string => (process.getuid?.() === 0 ? 'user nobody nogroup;\n' : '');

export function nameOf({ names }: SiteOptions): string {
  const [name] = names;
  if (name === undefined) throw new Error('a site needs a name');
  return name;
}
