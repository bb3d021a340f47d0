import { chmodSync, cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInstance } from './nginx-instance.ts';
import {
  firstOf,
  type LayoutOptions,
  listenOf,
  type NginxLayout,
  nameOf,
  portsFor,
  type Site,
  type SiteOptions,
  userLine,
  WORLD_READABLE,
  writePairs,
} from './nginx-site.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

/** The same files as `startStockNginx`, not started. */
export async function layoutStock(options: LayoutOptions = {}): Promise<NginxLayout> {
  const stock = await tool('nginx');
  const { httpPort, httpsPort } = await portsFor(options);
  const dir = tempDir(undefined, WORLD_READABLE);
  const root = dir.path;
  const etc = join(root, 'etc/nginx');
  const conf = join(etc, 'nginx.conf');
  const binary = join(root, 'usr/sbin/nginx');
  const prefix = join(root, 'usr/share/nginx');
  const pidFile = join(root, 'run/nginx.pid');
  const instance = createInstance({
    dir,
    binary,
    prefix,
    conf,
    pidFile,
    errorLog: join(root, 'var/log/nginx/error.log'),
    httpPort,
    httpsPort,
    args: ['-p', prefix, '-c', conf, '-e', join(root, 'var/log/nginx/error.log')],
  });
  const write = instance.writeFile;

  cpSync(pathOf(stock, 'conf'), etc, { recursive: true });
  cpSync(pathOf(stock, 'nginx'), binary);
  chmodSync(binary, 0o755);
  for (const name of [
    'run/.keep',
    'var/log/nginx/error.log',
    'var/lib/nginx/.keep',
    'etc/nginx/modules-enabled/.keep',
    'etc/nginx/conf.d/.keep',
    'etc/nginx/sites-enabled/.keep',
  ])
    write(name, '');
  write('usr/share/nginx/html/index.html', 'Welcome to nginx!\n');
  const listen = (port: number) => listenOf(options, port);

  write(
    conf,
    `${userLine()}worker_processes 2;
pid ${pidFile};
error_log ${root}/var/log/nginx/error.log notice;
include ${etc}/modules-enabled/*.conf;

events {
	worker_connections 512;
	# multi_accept on;
}

http {

	##
	# Basic Settings
	##

	sendfile on;
	types_hash_max_size 2048;
	server_names_hash_bucket_size 128;
	client_body_temp_path ${root}/var/lib/nginx/body;
	proxy_temp_path ${root}/var/lib/nginx/proxy;
	fastcgi_temp_path ${root}/var/lib/nginx/fastcgi;
	uwsgi_temp_path ${root}/var/lib/nginx/uwsgi;
	scgi_temp_path ${root}/var/lib/nginx/scgi;

	include ${etc}/mime.types;
	default_type application/octet-stream;

	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # Dropping SSLv3, ref: POODLE
	ssl_prefer_server_ciphers on;
	access_log ${root}/var/log/nginx/access.log;

	include ${etc}/conf.d/*.conf;
	include ${etc}/sites-enabled/*;
${options.extraHttp ?? ''}}
`,
  );
  write(
    'etc/nginx/sites-available/default',
    `server {\n\tlisten ${listen(httpPort)} default_server;\n\n\troot ${prefix}/html;\n\tindex index.html;\n\tserver_name _;\n}\n`,
  );
  symlinkSync('../sites-available/default', join(etc, 'sites-enabled/default'));

  const addSite = (site: SiteOptions): Site => {
    const name = nameOf(site);
    const webroot = join(root, 'var/www', name);
    write(join(webroot, 'index.html'), `This is ${name}\n`);
    const serverNames = `server_name ${site.names.join(' ')};`;
    const body = `\troot ${webroot};\n\tindex index.html;\n\n\tlocation / {\n\t\ttry_files $uri $uri/ =404;\n\t}\n`;
    const plain = `server {\n\tlisten ${listen(httpPort)};\n\t${serverNames}\n\n${body}${site.extraHttp ?? ''}}\n`;
    const httpConf = join(etc, 'sites-available', name);
    const link = () => symlinkSync(httpConf, join(etc, 'sites-enabled', name));
    if (site.tls !== true) {
      write(httpConf, plain);
      link();
      return { name, names: site.names, webroot, httpConf, tls: undefined };
    }
    const pairs = writePairs(site, write, 0o600, (suffix) => ({
      certificate: `etc/ssl/certs/${name}${suffix}.pem`,
      key: `etc/ssl/private/${name}${suffix}.key`,
    }));
    const directives = pairs.map((pair) => `\tssl_certificate ${pair.certificatePath};\n\tssl_certificate_key ${pair.keyPath};\n`).join('');
    write(httpConf, `${plain}\nserver {\n\tlisten ${listen(httpsPort)} ssl http2;\n\t${serverNames}\n\n${directives}\n${body}${site.extraHttps ?? ''}}\n`);
    link();
    return {
      name,
      names: site.names,
      webroot,
      httpConf,
      tls: { sslConf: httpConf, certificateConf: httpConf, pairs, ...firstOf(pairs) },
    };
  };
  for (const site of options.sites ?? []) addSite(site);
  return { ...instance, addSite };
}
