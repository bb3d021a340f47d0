import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compiledInto, SOURCE_DIR_PREFIX } from '../../../parts/nginx-compiled.ts';
import { createInstance, type NginxInstance } from '../../../parts/nginx-instance.ts';
import { userLine, WORLD_READABLE } from '../../../parts/nginx-site.ts';
import { freePorts } from '../../../parts/ports.ts';
import { selfSigned } from '../../../parts/self-signed.ts';
import { tempDir } from '../../../parts/temp.ts';
import { pathOf, tool } from '../../../parts/tools.ts';
import type { Build, Files, Layout } from './layout.ts';

/** What the text of a layout can name. All paths are absolute, all ports are free. */
export interface Ground {
  readonly root: string;
  /** The directory of the main configuration. */
  readonly etc: string;
  readonly prefix: string;
  readonly http: number;
  readonly https: number;
  readonly third: number;
  readonly fourth: number;
  /** `127.0.0.1` at `https`. */
  readonly tls: string;
  /** The two directives of a certificate that is there before ours. */
  readonly pair: string;
  readonly rsaPair: string;
  /** A block at `tls` for each, with that certificate and nothing else. */
  tlsSites(...serverNames: readonly string[]): string;
  /** The paths of that certificate. */
  readonly old: { readonly certificate: string; readonly key: string };
  /** Modules of Debian's nginx, by what they are for. */
  readonly modules: Readonly<Record<string, string>>;
  /** A main file: what every server needs, and this text in its http block. */
  main(http: string, options?: MainOptions): string;
}

interface MainOptions {
  /** Above and below the blocks that every main file has. */
  readonly first?: string;
  readonly last?: string;
  /** Names the pid file and the log, where another server than the layout's runs with it. */
  readonly run?: string;
}

export interface Laid {
  readonly ground: Ground;
  readonly nginx: NginxInstance;
  start(): Promise<void>;
}

const WRITTEN_BY_NGINX = ['run', 'log', 'tmp'];

const OLD = {
  ecdsa: selfSigned({ names: ['old.test'] }),
  rsa: selfSigned({ names: ['old.test'], keyType: 'rsa' }),
};

/** Writes all files of a layout below a directory of its own, with a program that is this server's alone. */
export async function layGround(layout: Layout): Promise<Laid> {
  const { ground, nginx } = await createGround(layout.build ?? 'source');
  const files = layout.files?.(ground) ?? {};
  layFiles(ground, files);
  if (files['nginx.conf'] === undefined) layFiles(ground, { 'nginx.conf': ground.main(layout.http?.(ground) ?? '') });
  const second = layout.second?.(ground);
  if (second !== undefined) layFiles(ground, { 'second.conf': second });
  return {
    ground,
    nginx,
    start: async () => {
      await nginx.start();
      if (second === undefined) return;
      const { status, stderr } = spawnSync(nginx.binary, ['-p', ground.prefix, '-c', join(ground.etc, 'second.conf')], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`the second server did not start: ${stderr}`);
    },
  };
}

async function createGround(build: Build): Promise<Pick<Laid, 'ground' | 'nginx'>> {
  const isStock = build === 'stock';
  const [program, modules, [http = 0, https = 0, third = 0, fourth = 0]] = await Promise.all([
    tool(isStock ? 'nginx' : `nginx-${build}`),
    isStock ? tool('nginx-modules') : undefined,
    freePorts(4),
  ]);
  const dir = isStock ? tempDir(undefined, WORLD_READABLE) : tempDir(SOURCE_DIR_PREFIX, WORLD_READABLE);
  const root = dir.path;
  const prefix = join(root, isStock ? 'usr/share/nginx' : 'usr/local/nginx');
  const etc = isStock ? join(root, 'etc/nginx') : join(prefix, 'conf');
  const binary = join(root, isStock ? 'usr/sbin/nginx' : 'usr/local/sbin/nginx');
  for (const path of [...WRITTEN_BY_NGINX.map((name) => join(root, name)), join(prefix, 'logs'), dirname(binary)]) mkdirSync(path, { recursive: true });
  writeFileSync(binary, isStock ? readFileSync(pathOf(program, 'nginx')) : compiledInto(root, program), { mode: 0o755 });

  const errorLog = join(root, 'log/error.log');
  const conf = join(etc, 'nginx.conf');
  const args = isStock ? ['-p', prefix, '-c', conf, '-e', errorLog] : [];
  const nginx = createInstance({ dir, binary, prefix, conf, pidFile: join(root, 'run/nginx.pid'), errorLog, httpPort: http, httpsPort: https, args });
  const [ecdsa, rsa] = (['ecdsa', 'rsa'] as const).map((type) => ({
    certificate: nginx.writeFile(`etc/ssl/old-${type}.pem`, OLD[type].certificatePem),
    key: nginx.writeFile(`etc/ssl/old-${type}.key`, OLD[type].keyPem, 0o600),
  })) as [Ground['old'], Ground['old']];
  const ground: Ground = {
    ...{ root, etc, prefix, http, https, third, fourth },
    tls: `127.0.0.1:${https}`,
    old: ecdsa,
    pair: pairOf(ecdsa),
    rsaPair: pairOf(rsa),
    tlsSites: (...serverNames) =>
      serverNames
        .map((names) => `    server {\n        listen 127.0.0.1:${https} ssl;\n        server_name ${names};\n        ${pairOf(ecdsa)}\n    }\n`)
        .join(''),
    modules: modules?.paths ?? {},
    main: (text, more) => mainFile(root, isStock, text, more),
  };
  return { ground, nginx };
}

const pairOf = ({ certificate, key }: Ground['old']): string => `ssl_certificate ${certificate};\n    ssl_certificate_key ${key};`;

function mainFile(root: string, isStock: boolean, http: string, { first = '', last = '', run = 'nginx' }: MainOptions = {}): string {
  // Debian's program would make these below /var/lib.
  const folders = isStock ? ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'] : [];
  return `${userLine()}worker_processes 1;
pid ${root}/run/${run}.pid;
error_log ${root}/log/${run === 'nginx' ? 'error' : run}.log notice;
${first}
events {
    worker_connections 64;
}

http {
    server_names_hash_bucket_size 128;
    access_log off;
${folders.map((name) => `    ${name}_temp_path ${root}/tmp/${name};\n`).join('')}
${http}}
${last}`;
}

function layFiles({ root, etc }: Ground, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const at = path.startsWith('/') ? join(root, path) : join(etc, path);
    mkdirSync(dirname(at), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) {
      writeFileSync(at, content);
    } else if ('link' in content) {
      symlinkSync(content.link, at);
    } else {
      writeFileSync(at, content.text);
      chmodSync(at, content.mode);
      if (content.uid !== undefined) chownSync(at, content.uid, content.uid);
    }
  }
}
