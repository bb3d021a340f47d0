import { dirname } from 'node:path';
import { selfSigned } from './self-signed.ts';

export interface ApacheSiteOptions {
  /** The first one is its ServerName and names its files. */
  readonly names: readonly string[];
  /** A second virtual host at the https port, with a self-signed certificate. */
  readonly tls?: boolean;
  /** Sends all plain requests to the path that was asked for below this address: `https://www.example.test:8443`. */
  readonly redirectTo?: string;
  /** Denies all paths with a dot file in them, `.well-known` included. */
  readonly bansDotFiles?: boolean;
  /** Text for inside the virtual hosts. */
  readonly extraHttp?: string;
  readonly extraHttps?: string;
}

export interface ApacheSite {
  readonly name: string;
  readonly names: readonly string[];
  readonly webroot: string;
  readonly conf: string;
}

export interface ApacheFacts {
  /** Relative paths are below the instance's root. @returns the absolute path */
  write(path: string, text: string, mode?: number): string;
  readonly httpPort: number;
  readonly httpsPort: number;
}

/** Writes the directory of a site, its virtual hosts and its certificate. */
export function writeSite(site: ApacheSiteOptions, { write, httpPort, httpsPort }: ApacheFacts): ApacheSite {
  const { names, redirectTo } = site;
  const [name, ...aliases] = names;
  if (name === undefined) throw new Error('a site needs a name');
  const webroot = dirname(write(`var/www/${name}/index.html`, `This is ${name}\n`));
  const served = [
    `ServerName ${name}`,
    ...aliases.map((alias) => `ServerAlias ${alias}`),
    `DocumentRoot ${webroot}`,
    ...(site.bansDotFiles === true ? ['<DirectoryMatch "/\\.">', '\tRequire all denied', '</DirectoryMatch>'] : []),
  ];
  const hosts = [hostText(httpPort, [...served, ...(redirectTo === undefined ? [] : [`Redirect permanent / ${redirectTo}/`])], site.extraHttp)];
  if (site.tls === true) {
    const { certificatePem, keyPem } = selfSigned({ names });
    const certificate = write(`etc/ssl/${name}.pem`, certificatePem);
    const key = write(`etc/ssl/${name}.key`, keyPem, 0o600);
    hosts.push(hostText(httpsPort, [...served, 'SSLEngine on', `SSLCertificateFile ${certificate}`, `SSLCertificateKeyFile ${key}`], site.extraHttps));
  }
  return { name, names, webroot, conf: write(`etc/apache2/sites-enabled/${name}.conf`, hosts.join('\n')) };
}

const hostText = (port: number, lines: readonly string[], extra = '') =>
  `<VirtualHost 127.0.0.1:${port}>\n${lines.map((line) => `\t${line}\n`).join('')}${extra}</VirtualHost>\n`;
