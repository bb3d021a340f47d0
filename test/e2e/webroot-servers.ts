import { layoutApache } from '../parts/apache.ts';
import { layoutCentmin } from '../parts/nginx-centmin.ts';
import type { NginxLayout } from '../parts/nginx-site.ts';
import { layoutStock } from '../parts/nginx-stock.ts';

/** A site, and what its server does with a request for a proof. */
export interface SiteOfServer {
  readonly names: readonly string[];
  /** Its plain half sends everything there: `https://www.example.test:8443`. */
  readonly redirectTo?: string;
  /** It sends requests for proofs alone there, as in front of a CDN. */
  readonly sendsProofsTo?: string;
  readonly bansDotFiles?: boolean;
}

/** A web server that serves directories. */
export interface DirectoryServer {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** With a TLS half. @returns its webroot */
  addSite(site: SiteOfServer): string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const PROOFS = '/.well-known/acme-challenge/';

function served(nginx: NginxLayout): DirectoryServer {
  const { httpPort, httpsPort, start, stop } = nginx;
  const addSite: DirectoryServer['addSite'] = ({ names, redirectTo, sendsProofsTo, bansDotFiles }) => {
    const extraHttp = [
      ...(redirectTo === undefined ? [] : [`return 301 ${redirectTo}$request_uri;`]),
      ...(sendsProofsTo === undefined ? [] : [`location ^~ ${PROOFS} { return 302 ${sendsProofsTo}$request_uri; }`]),
      // The second is for a layout that excepts the directory from its own ban, as Centmin Mod does.
      ...(bansDotFiles === true ? ['location ~ /\\. { deny all; }', 'location ^~ /.well-known/acme { deny all; }'] : []),
    ];
    return nginx.addSite({ names, tls: true, extraHttp: extraHttp.map((line) => `    ${line}\n`).join('') }).webroot;
  };
  return { httpPort, httpsPort, addSite, start, stop };
}

export const directoryServers: readonly { readonly title: string; open(): Promise<DirectoryServer> }[] = [
  { title: 'a stock nginx', open: async () => served(await layoutStock()) },
  { title: 'an nginx built from source', open: async () => served(await layoutCentmin()) },
  {
    title: 'an Apache that serves directories',
    async open() {
      const apache = await layoutApache();
      const { httpPort, httpsPort, start, stop } = apache;
      const addSite: DirectoryServer['addSite'] = ({ sendsProofsTo, ...site }) => {
        const extraHttp = sendsProofsTo === undefined ? '' : `\tRedirect 302 ${PROOFS} ${sendsProofsTo}${PROOFS}\n`;
        return apache.addSite({ ...site, tls: true, extraHttp }).webroot;
      };
      return { httpPort, httpsPort, addSite, start, stop };
    },
  },
];
