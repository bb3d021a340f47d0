import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compiledInto, SOURCE_DIR_PREFIX } from './nginx-compiled.ts';
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

export interface SourceNginx extends NginxLayout {
  /** The directory of the main configuration. */
  readonly confDir: string;
  /** The reload script of the stack: HUP without a test. */
  readonly ngxreload: string;
}

export interface SourceOptions extends LayoutOptions {
  /**
   * `compiled-in` (when not given): the binary's own prefix and configuration path are this instance's, nothing is given at start.
   * `arguments`: they are somewhere else where nothing is, and it runs with `-p` and `-c`.
   */
  readonly prefixBy?: 'compiled-in' | 'arguments';
}

/** The same files as `startSourceNginx`, not started. */
export async function layoutCentmin(options: SourceOptions = {}): Promise<SourceNginx> {
  const built = await tool('nginx-source');
  const { httpPort, httpsPort } = await portsFor(options);
  const dir = tempDir(SOURCE_DIR_PREFIX, WORLD_READABLE);
  const root = dir.path;
  const prefix = join(root, 'usr/local/nginx');
  const confDir = join(prefix, 'conf');
  const conf = join(confDir, 'nginx.conf');
  const binary = join(root, 'usr/local/sbin/nginx');
  const pidFile = join(prefix, 'logs/nginx.pid');
  const ngxreload = join(root, 'usr/bin/ngxreload');
  const byArguments = options.prefixBy === 'arguments';
  const instance = createInstance({
    dir,
    binary,
    prefix,
    conf,
    pidFile,
    errorLog: join(prefix, 'logs/error.log'),
    httpPort,
    httpsPort,
    args: byArguments ? ['-p', prefix, '-c', conf] : [],
  });
  const write = instance.writeFile;

  cpSync(pathOf(built, 'conf'), confDir, { recursive: true });
  write(binary, '', 0o755);
  writeFileSync(binary, byArguments ? readFileSync(pathOf(built, 'nginx')) : compiledInto(root, built));
  write('usr/local/nginx/logs/error.log', '');
  write('usr/local/nginx/html/index.html', 'It works\n');
  write(ngxreload, `#!/bin/sh\nkill -HUP "$(cat ${pidFile})"\n`, 0o755);
  const listen = (port: number) => listenOf(options, port);

  write(
    conf,
    `${userLine()}worker_processes 2;

error_log logs/error.log notice;
pid       logs/nginx.pid;

events {
    worker_connections 512;
}

http {
    server_names_hash_bucket_size 128; # long names
    include       mime.types;
    default_type  application/octet-stream;
    log_format    main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';
    access_log    logs/access.log main;

    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      close;
    }

    include ${confDir}/conf.d/*.conf;
${options.extraHttp ?? ''}}
`,
  );
  write(
    join(confDir, 'drop.conf'),
    `location ^~ /.well-known/ { allow all; }
location = /favicon.ico { access_log off; log_not_found off; }
# no dot files
location ~ /\\. { access_log off; log_not_found off; deny all; }
location ~ ~$ { access_log off; log_not_found off; deny all; }
`,
  );
  write(
    join(confDir, 'conf.d/virtual.conf'),
    `server {\n    listen ${listen(httpPort)} default_server;\n    server_name localhost;\n    root html;\n\n    location /nginx_status {\n        stub_status on;\n        allow 127.0.0.1;\n        deny all;\n    }\n}\n`,
  );

  const addSite = (site: SiteOptions): Site => {
    const name = nameOf(site);
    const webroot = join(root, 'home/nginx/domains', name, 'public');
    write(join(webroot, 'index.html'), `This is ${name}\n`);
    write(join(root, 'home/nginx/domains', name, 'log/access.log'), '');
    const httpConf = write(
      join(confDir, `conf.d/${name}.conf`),
      `# ${name}, plain
server {
    listen ${listen(httpPort)};
    server_name ${site.names.join(' ')};

    access_log ${root}/home/nginx/domains/${name}/log/access.log combined buffer=8k flush=1s;
    root ${webroot};

    location / {
        try_files $uri $uri/ =404;
    }
${site.extraHttp ?? ''}    include ${confDir}/drop.conf;
}
`,
    );
    if (site.tls !== true) return { name, names: site.names, webroot, httpConf, tls: undefined };

    // Keys at 0644, as they are found on such stacks; one path of a pair relative, the other absolute.
    const pairs = writePairs(site, write, 0o644, (suffix) => ({
      certificate: join(confDir, `ssl/${name}/${name}${suffix}.crt`),
      key: join(confDir, `ssl/${name}/${name}${suffix}.key`),
    }));
    const directives = pairs.map((pair) => `  ssl_certificate      ${relative(confDir, pair.certificatePath)};\n  ssl_certificate_key  ${pair.keyPath};\n`);
    const certificateConf = write(join(confDir, `ssl/${name}/${name}.crt.key.conf`), directives.join(''));
    const sslConf = write(
      join(confDir, `conf.d/${name}.ssl.conf`),
      `# ${name}, TLS
server {
    listen ${listen(httpsPort)} ssl http2;
    server_name ${site.names.join(' ')};

    include ssl/${name}/${name}.crt.key.conf;
    ssl_session_cache   shared:SSL:1m;
    ssl_session_timeout 10m;
    ssl_protocols       TLSv1.2 TLSv1.3;

    #add_header Strict-Transport-Security "max-age=31536000;";
    access_log ${root}/home/nginx/domains/${name}/log/access.log combined buffer=8k flush=1s;
    root ${webroot};

    location / {
        try_files $uri $uri/ =404;
    }
${site.extraHttps ?? ''}    include ${confDir}/drop.conf;
}
`,
    );
    return {
      name,
      names: site.names,
      webroot,
      httpConf,
      tls: { sslConf, certificateConf, pairs, ...firstOf(pairs) },
    };
  };
  for (const site of options.sites ?? []) addSite(site);
  return { ...instance, addSite, confDir, ngxreload };
}
