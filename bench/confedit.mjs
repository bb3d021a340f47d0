// Reading and editing nginx configurations that are large: one file of 10 MB, and a tree of a thousand sites. See README.md.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAIN, median, msText, prepare, timed, withEvents } from './measure.mjs';

const RUNS = Number(process.argv[2] ?? 7);
const SITES = 1000;
const FILE_BYTES = 10_000_000;
const TARGETS = { fileMs: 1500, fileBytes: 400e6, survey: 3, install: 6 };

const parts = await prepare();
const dir = parts.tempDir();
try {
  oneFile();
  // As where the scheduler runs: a renewal leaves the compiled program behind.
  timed([MAIN, 'renew'], join(dir.path, 'empty-home'));
  await manySites('a plain and a TLS block each', tlsSiteText);
  await manySites('two plain blocks each, and a TLS block where a certificate goes', plainSiteText);
} finally {
  dir.remove();
}

function oneFile() {
  const path = join(dir.path, 'big.conf');
  let text = '';
  for (let at = 0; text.length < FILE_BYTES; at++)
    text += tlsSiteText({ name: nameOf(at), httpPort: 80, httpsPort: 443, certificate: '/c.pem', key: '/k.pem' });
  writeFileSync(path, text.slice(0, text.lastIndexOf('\nserver {')));
  const runs = Array.from({ length: RUNS }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('big-file.mjs', import.meta.url)), path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  });
  const ms = median(runs.map((run) => run.ms));
  const peakBytes = median(runs.map((run) => run.peakBytes));
  console.log(`one file of ${FILE_BYTES / 1e6} MB: read, one edit, held against its plan; median of ${RUNS} processes`);
  console.log(`  ${msText(ms)} (target ${msText(TARGETS.fileMs)}), ${megabytes(peakBytes)} at most in memory (target ${megabytes(TARGETS.fileBytes)})\n`);
}

/** Before and after each installation one `nginx -t`, so that what else the machine does falls on both. Each round takes another site; the first is not counted. */
async function manySites(title, siteText) {
  const nginx = await parts.layoutCentmin({ extraHttp: '    server_names_hash_max_size 16384;\n    include vhosts/*.conf;\n' });
  try {
    const targets = Array.from({ length: RUNS + 1 }, (_, at) => nameOf(at * Math.floor(SITES / (RUNS + 1))));
    writeTree(nginx, siteText, new Set(targets));
    const home = furnish(nginx, targets, join(dir.path, siteText.name));
    await nginx.start();
    report(title, await roundsOf(nginx, targets, home));
  } finally {
    await nginx.stop();
  }
}

async function roundsOf(nginx, targets, home) {
  const rounds = [];
  for (const target of targets) {
    const beforeMs = timeOfTest(nginx);
    const { ms, events } = await withEvents(['deploy', target, '--now'], home);
    const surveyMs = events.find(({ type }) => type === 'surveyed')?.atMs;
    if (surveyMs === undefined || !events.some(({ type }) => type === 'deployed')) throw new Error(`nothing was deployed: ${JSON.stringify(events)}`);
    rounds.push({ testMs: (beforeMs + timeOfTest(nginx)) / 2, surveyMs, ms, events });
  }
  return rounds.slice(1);
}

function report(title, rounds) {
  const column = (of) => median(rounds.map(of));
  const line = (name, of, target) =>
    console.log(
      `  ${name.padEnd(44)}${msText(column(of)).padStart(8)}  ${column((round) => of(round) / round.testMs).toFixed(2)}${target === undefined ? '' : ` (target ${target})`}`,
    );
  console.log(`${SITES} sites, a file each: ${title}; medians of ${RUNS} rounds, and their ratio to nginx -t`);
  line('nginx -t', ({ testMs }) => testMs);
  line('process start to surveyed', ({ surveyMs }) => surveyMs, TARGETS.survey);
  line('one certificate installed, whole process', ({ ms }) => ms, TARGETS.install);

  console.log('\nwhere it goes, by the arrival of events');
  const last = rounds.at(-1);
  let from = 0;
  for (const { atMs, type, staged } of [...last.events.filter(({ type }) => type !== undefined), { atMs: last.ms, type: 'end of the process' }]) {
    console.log(`  ${msText(atMs - from).padStart(8)}   ${type}${staged ? ', staged' : ''}`);
    from = atMs;
  }
  console.log();
}

function timeOfTest(nginx) {
  const startNs = process.hrtime.bigint();
  const { status, stderr } = spawnSync(nginx.binary, [...nginx.args, '-t'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(process.hrtime.bigint() - startNs) / 1e6;
}

function writeTree(nginx, siteText, targets) {
  const { tls } = nginx.addSite({ names: ['placeholder.test'], tls: true });
  const conf = (name, text) => nginx.writeFile(join(nginx.confDir, name), text);
  conf('shared/tls.conf', 'ssl_protocols TLSv1.2 TLSv1.3;\nssl_prefer_server_ciphers off;\nssl_session_timeout 1d;\n');
  conf('shared/headers.conf', 'add_header X-Content-Type-Options nosniff;\nadd_header Referrer-Policy same-origin;\n');
  conf('shared/static.conf', 'location ~* \\.(?:css|js|png|jpg|svg|woff2)$ {\n    expires 30d;\n    access_log off;\n}\n');
  const { httpPort, httpsPort } = nginx;
  for (let at = 0; at < SITES; at++) {
    const name = nameOf(at);
    const site = { name, httpPort, httpsPort, certificate: tls.certificatePath, key: tls.keyPath, isTarget: targets.has(name) };
    conf(`vhosts/${name}.conf`, siteText(site));
  }
}

function tlsSiteText(site) {
  return `${redirectText(site)}\n${tlsBlockText(site)}`;
}

/** It is key pairs that cost nginx time; plain blocks cost it little, and us as much as any. */
function plainSiteText(site) {
  const { name, httpPort, isTarget } = site;
  return `${isTarget ? tlsBlockText(site) : redirectText(site, `old.${name}`)}
server {
    listen 127.0.0.1:${httpPort};
    server_name ${name} www.${name};
    root /srv/www/${name}/public;
    index index.php index.html;
    charset utf-8;
    client_max_body_size 64m;
    server_tokens off;
    gzip on;
    gzip_types text/css application/javascript application/json image/svg+xml;
    error_page 404 /404.html;
    error_page 500 502 503 504 /50x.html;
    include shared/headers.conf;

    location = /favicon.ico {
        access_log off;
        log_not_found off;
    }
    location ^~ /.well-known/acme-challenge/ {
        default_type text/plain;
        root /srv/www/acme;
    }
    location ~ /\\.(?!well-known) {
        deny all;
    }
    location / {
        try_files $uri $uri/ /index.php?$args;
    }
    location ^~ /api/ {
        proxy_pass http://127.0.0.1:8080;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_read_timeout 60s;
    }
    include shared/static.conf;
}
`;
}

function redirectText({ name, httpPort }, names = `${name} www.${name}`) {
  return `server {
    listen 127.0.0.1:${httpPort};
    server_name ${names};
    root /srv/www/${name};

    location / {
        return 301 https://$host$request_uri;
    }
}
`;
}

function tlsBlockText({ name, httpsPort, certificate, key }) {
  return `server {
    listen 127.0.0.1:${httpsPort} ssl;
    server_name ${name} www.${name};
    root /srv/www/${name}; # as above

    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    include shared/tls.conf;
    include shared/headers.conf;
    include shared/static.conf;

    location / {
        try_files $uri $uri/ /index.php?$args;
    }
    location ~ [^/]\\.php(/|$) {
        fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
        fastcgi_pass unix:/run/php/${name}.sock;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        include fastcgi_params;
    }
}
`;
}

/** Makes a home with a lineage and a version for each name, as docs/store.md has them. @returns its path */
function furnish(nginx, names, home) {
  const put = (path, content) => {
    mkdirSync(join(home, path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, path), typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  };
  put('certkit.yaml', { ca: 'http://127.0.0.1:1/directory', deploy_before: 'immediately' });
  for (const name of names) {
    const { certificatePem, keyPem } = parts.selfSigned({ names: [name, `www.${name}`] });
    const leaf = new X509Certificate(certificatePem);
    const version = `archive/${name}/0001`;
    put(`lineages/${name}.yaml`, {
      identifiers: [name, `www.${name}`],
      authenticator: { plugin: 'webroot', root: '/srv/www' },
      installers: [{ plugin: 'nginx-custom', binary: nginx.binary, 'reload-command': [nginx.ngxreload] }],
    });
    put(`${version}/cert.pem`, certificatePem);
    put(`${version}/chain.pem`, '');
    put(`${version}/fullchain.pem`, certificatePem);
    put(`${version}/privkey.pem`, keyPem);
    const set = {
      keyType: 'ecdsa',
      algorithm: 'ecdsa-p256',
      folder: '.',
      serial: leaf.serialNumber.toLowerCase(),
      leafSha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      notBeforeMs: Date.parse(leaf.validFrom),
      notAfterMs: Date.parse(leaf.validTo),
    };
    put(`${version}/version.json`, {
      format: 1,
      number: 1,
      identifiers: [name, `www.${name}`],
      ca: 'http://127.0.0.1:1/directory',
      issuedAtMs: set.notBeforeMs,
      sets: [set],
    });
  }
  return home;
}

function nameOf(at) {
  return `site${String(at).padStart(4, '0')}.test`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
