import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedCertificate, verifiedHandshake } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import type { NginxLayout, Site } from '../parts/nginx-site.ts';
import { layoutStock } from '../parts/nginx-stock.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type TempDir, tempDir } from '../parts/temp.ts';
import { type Home, printed, type Result, type RunOptions, temporaryHome } from './certkit.ts';
import { contentsOf } from './contents.ts';

const profiles = { default: { description: '', validityPeriod: 7_776_000 } };
const homes: Home[] = [];
let dir: TempDir;

beforeAll(() => {
  dir = tempDir();
});
afterAll(() => {
  for (const home of homes) home.remove();
  dir.remove();
});

function newHome(): Home {
  const home = temporaryHome();
  homes.push(home);
  return home;
}

async function succeeds(home: Home, args: readonly string[], options?: RunOptions): Promise<Result> {
  const result = await home.run(args, options);
  expect(result.exitCode, printed(result)).toBe(0);
  return result;
}

const caFlags = (pebble: Pebble) => ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'];
const namesOf = (site: Site) => site.names.flatMap((name) => ['-d', name]);
const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;
const leaf = async (port: number, servername: string, sigalgs?: string) => {
  const [served] = await servedCertificate({ port, servername, ...(sigalgs === undefined ? {} : { sigalgs }) });
  return served?.fingerprint256;
};

describe('a stock nginx', () => {
  let nginx: NginxLayout;
  let pebble: Pebble;
  let site: Site;
  const home = newHome();

  beforeAll(async () => {
    nginx = await layoutStock();
    site = nginx.addSite({ names: ['stock.test', 'www.stock.test'], tls: true });
    await nginx.start();
    pebble = await startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort, profiles });
  });
  afterAll(async () => {
    await pebble?.stop();
    await nginx?.stop();
  });

  test('gets its certificate by webroot; only the two paths of the pair change', async () => {
    const before = nginx.readFile(site.httpConf);
    const installer = ['--installer', 'nginx', '--nginx-binary', nginx.binary, '--nginx-conf', nginx.conf];
    await succeeds(home, [...namesOf(site), '--authenticator', 'webroot', '--webroot-root', site.webroot, ...installer, ...caFlags(pebble)]);
    for (const servername of site.names) await verifiedHandshake({ port: nginx.httpsPort, servername }, await pebble.roots());
    expect(nginx.reloads()).toBe(1);

    const live = join(home.path, 'live/stock.test');
    const expected = before.replace(site.tls?.certificatePath ?? '', join(live, 'fullchain.pem')).replace(site.tls?.keyPath ?? '', join(live, 'privkey.pem'));
    expect(nginx.readFile(site.httpConf)).toBe(expected);
    expect(lstatSync(join(nginx.root, 'etc/nginx/sites-enabled/stock.test')).isSymbolicLink()).toBe(true);
  });

  test('is found again without its options by the next version, which comes with one reload', async () => {
    const before = await leaf(nginx.httpsPort, 'stock.test');
    await succeeds(home, ['renew', '--force']);
    await succeeds(home, ['deploy', '--now']);
    expect(await leaf(nginx.httpsPort, 'stock.test')).not.toBe(before);
    expect(nginx.reloads()).toBe(2);
  });
});

describe('standalone and files, without a web server', () => {
  let pebble: Pebble;
  let flags: readonly string[];
  const home = newHome();
  const at = (name: string) => join(dir.path, name);
  const runs = () => (existsSync(at('commands')) ? readFileSync(at('commands'), 'utf8').split('\n').length - 1 : 0);
  /** Bytes and inode: a file that was written again has another one. */
  const facts = () => ({ bytes: readFileSync(at('combined.pem'), 'utf8'), inode: statSync(at('combined.pem')).ino });

  beforeAll(async () => {
    const port = await freePort();
    pebble = await startPebble({ httpPort: port, tlsPort: port, profiles });
    writeFileSync(at('reload'), `#!/bin/sh\necho "$@" >> ${at('commands')}\n`);
    chmodSync(at('reload'), 0o755);
    flags = [
      ...['-d', 'mail.test', '-d', 'smtp.mail.test'],
      ...['--authenticator', 'standalone', '--standalone-port', `${port}`, '--standalone-address', '127.0.0.1'],
      ...['--installer', 'files', '--files-combined', at('combined.pem'), '--files-mode', '0640', '--files-reload-command', `${at('reload')} postfix now`],
      ...caFlags(pebble),
    ];
  });
  afterAll(() => pebble?.stop());

  test('one combined file: chain, then the key that fits, mode 0640, and the command ran after it', async () => {
    await succeeds(home, flags);
    const { bytes } = facts();
    const [cert = '', chain = ''] = bytes.split(/(?<=-----END CERTIFICATE-----\n)/);
    const key = bytes.slice(bytes.indexOf('-----BEGIN', bytes.lastIndexOf('-----END CERTIFICATE-----')));
    expect(new X509Certificate(cert).subjectAltName).toContain('DNS:smtp.mail.test');
    expect(new X509Certificate(cert).checkIssued(new X509Certificate(chain))).toBe(true);
    expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(statSync(at('combined.pem')).mode & 0o7777).toBe(0o640);
    expect(readFileSync(at('commands'), 'utf8')).toBe('postfix now\n');
  });

  const again: readonly (readonly [string, () => readonly string[]])[] = [
    ['the same command', () => flags],
    ['renew', () => ['renew']],
    ['deploy --now', () => ['deploy', '--now']],
  ];
  for (const [title, args] of again) {
    test(`again changes nothing and runs no command: ${title}`, async () => {
      const before = facts();
      await succeeds(home, args());
      expect(facts()).toEqual(before);
      expect(runs()).toBe(1);
    });
  }

  test('the next version comes at its deployment, not at its renewal, with one more run of the command', async () => {
    const before = facts();
    await succeeds(home, ['renew', '--force']);
    expect(facts()).toEqual(before);
    await succeeds(home, ['deploy', '--now']);
    expect(fingerprint(facts().bytes)).not.toBe(fingerprint(before.bytes));
    expect(statSync(at('combined.pem')).mode & 0o7777).toBe(0o640);
    expect(runs()).toBe(2);
  });

  test('a command that fails is an error that shows its words, and the lineage stays owed', async () => {
    writeFileSync(at('reload'), '#!/bin/sh\necho "postfix: cannot open" >&2; exit 3\n');
    await succeeds(home, ['renew', '--force']);
    const result = await home.run(['deploy', '--now']);
    expect(result.exitCode, printed(result)).toBe(5);
    expect(result.stderr).toContain('INSTALLER_RELOAD_FAILED');
    expect(result.stderr).toContain('postfix: cannot open');

    writeFileSync(at('reload'), `#!/bin/sh\necho "$@" >> ${at('commands')}\n`);
    await succeeds(home, ['deploy', '--now']);
    expect(runs()).toBe(3);
    expect(facts().bytes).toBe(`${['fullchain', 'privkey'].map((name) => readFileSync(join(home.path, `live/mail.test/${name}.pem`), 'utf8')).join('')}`);
  });
});

describe('a source-built nginx', () => {
  let nginx: SourceNginx;
  let pebble: Pebble;
  const nginxFlags = () => [
    ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
    ...['--nginx-custom-tls-port', `${nginx.httpsPort}`],
  ];
  const job = (site: Site) => [...namesOf(site), '--authenticator', 'webroot', '--webroot-root', site.webroot, ...nginxFlags(), ...caFlags(pebble)];
  const newSite = async (options: Parameters<SourceNginx['addSite']>[0]) => {
    const site = nginx.addSite(options);
    await nginx.reload();
    return site;
  };
  /** Reloads of certkit's while `body` runs. */
  const reloadsDuring = async (body: () => Promise<unknown>) => {
    const before = nginx.reloads();
    await body();
    return nginx.reloads() - before;
  };

  beforeAll(async () => {
    nginx = await layoutCentmin();
    await nginx.start();
    pebble = await startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort, profiles });
  });
  afterAll(async () => {
    await pebble?.stop();
    await nginx?.stop();
  });

  describe('two key types are one lineage', () => {
    const sigalgs = { ecdsa: 'ECDSA+SHA256', rsa: 'RSA-PSS+SHA256' } as const;
    const types = ['ecdsa', 'rsa'] as const;
    const keyTypeFlags = ['--key-type', 'ecdsa-p256', '--key-type', 'rsa-2048'];
    const kinds = { ecdsa: 'ec', rsa: 'rsa' } as const;

    for (const [title, keyTypes] of [
      ['a site with a pair of each', types],
      ['a site with one pair gets the other', ['ecdsa']],
    ] as const) {
      test(`${title}, and clients are served the one they ask for`, async () => {
        const home = newHome();
        const name = `keys${keyTypes.length}.test`;
        const site = await newSite({ names: [name], tls: true, keyTypes });
        expect(await reloadsDuring(() => succeeds(home, [...job(site), ...keyTypeFlags]))).toBe(1);

        const version = async (number: string) => {
          for (const type of types) {
            const [served] = await verifiedHandshake({ port: nginx.httpsPort, servername: name, sigalgs: sigalgs[type] }, await pebble.roots());
            expect(served?.publicKey.asymmetricKeyType).toBe(kinds[type]);
            expect(served?.fingerprint256).toBe(fingerprint(readFileSync(join(home.path, `archive/${name}/${number}/${type}/cert.pem`), 'utf8')));
          }
        };
        await version('0001');
        await succeeds(home, ['renew', '--force']);
        await version('0001');
        expect(await reloadsDuring(() => succeeds(home, ['deploy', '--now']))).toBe(1);
        await version('0002');
      });
    }
  });

  test('a site with plain HTTP only gets a TLS listener when a person asks; no line of its file is lost', async () => {
    const site = await newSite({ names: ['plain.test', 'www.plain.test'] });
    const before = nginx.readFile(site.httpConf);
    const home = newHome();
    await succeeds(home, job(site));
    for (const servername of site.names) await verifiedHandshake({ port: nginx.httpsPort, servername }, await pebble.roots());

    const after = nginx.readFile(site.httpConf).split('\n');
    for (const line of before.split('\n')) {
      const found = after.indexOf(line);
      expect(found, `${line} is gone, or stands elsewhere`).toBeGreaterThanOrEqual(0);
      after.splice(0, found + 1);
    }
    expect(await page(nginx.httpsPort, 'www.plain.test')).toBe('This is plain.test\n');
    expect(await (await fetch(`http://127.0.0.1:${nginx.httpPort}/nginx_status`)).text()).toContain('Active connections');
  });

  test('--dry-run of a first run shows the edit and does nothing; the run then makes that edit', async () => {
    const site = await newSite({ names: ['sketch.test'], tls: true });
    const home = newHome();
    const before = contentsOf(nginx.confDir);
    const { stdout } = await succeeds(home, [...job(site), '--dry-run']);
    expect(contentsOf(nginx.confDir)).toEqual(before);
    expect(existsSync(join(home.path, 'lineages/sketch.test.yaml'))).toBe(false);
    const diff = diffIn(stdout);
    expect(diff.file).toBe(site.tls?.certificateConf);
    expect(diff.removed).toEqual(
      nginx
        .readFile(site.tls?.certificateConf ?? '')
        .trimEnd()
        .split('\n'),
    );

    await succeeds(home, job(site));
    expect(
      nginx
        .readFile(site.tls?.certificateConf ?? '')
        .trimEnd()
        .split('\n'),
    ).toEqual(diff.added);
  });

  test('status --json tells live, pending and served apart', async () => {
    const site = await newSite({ names: ['status.test', 'www.status.test'], tls: true });
    const home = newHome();
    const status = async () => JSON.parse((await succeeds(home, ['status', '--json'])).stdout).lineages[0];
    const servedBy = (version: number) => site.names.map((name) => expect.objectContaining({ name, at: `127.0.0.1:${nginx.httpsPort}`, version }));
    await succeeds(home, job(site));
    const first = await status();
    expect(first).toMatchObject({ name: 'status.test', identifiers: site.names, live: { number: 1 }, owed: false, versions: [1] });
    expect(first.pending).toBeUndefined();
    expect(first.served).toEqual(expect.arrayContaining(servedBy(1)));

    await succeeds(home, ['renew', '--force']);
    const second = await status();
    expect(second).toMatchObject({ live: { number: 1 }, pending: { number: 2 }, deployment: { due: false } });
    expect(second.pending.notAfterMs).toBeGreaterThan(Date.now() + 80 * 86_400_000);
    expect(second.served).toEqual(expect.arrayContaining(servedBy(1)));

    const dryRun = await succeeds(home, ['deploy', '--now', '--dry-run']);
    expect(dryRun.stdout).toContain('version 2 would go live');
    expect(await status()).toEqual(second);

    await succeeds(home, ['deploy', '--now']);
    const third = await status();
    expect(third).toMatchObject({ live: { number: 2 }, owed: false });
    expect(third.pending).toBeUndefined();
    expect(third.served).toEqual(expect.arrayContaining(servedBy(2)));
    expect(third.served).toHaveLength(site.names.length);

    // What is served is what a handshake shows, not what we remember, and not where the link leads.
    const link = join(home.path, 'live/status.test');
    rmSync(link);
    symlinkSync('../archive/status.test/0001', link);
    const unreloaded = await status();
    expect(unreloaded).toMatchObject({ live: { number: 1 }, owed: true });
    expect(unreloaded.served).toEqual(expect.arrayContaining(servedBy(2)));

    nginx.writeFile(site.tls?.certificateConf ?? '', pairOf(site));
    await nginx.reload();
    const fourth = await status();
    expect(fourth.served).toEqual(site.names.map((name) => expect.objectContaining({ name, because: expect.stringContaining('not one of this lineage') })));
  });

  test('--json=events prints one event a line, then the result; words for people go to the error stream', async () => {
    const site = await newSite({ names: ['events.test'], tls: true });
    const home = newHome();
    const { stdout, stderr } = await succeeds(home, [...job(site), '--json=events']);
    expect(stdout.endsWith('\n')).toBe(true);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const line of lines) expect(line.schema).toBe(1);
    const types = lines.slice(0, -1).map(({ event }) => event.type);
    expect(types.filter((type) => ['ordering', 'presented', 'renewed', 'reloaded', 'deployed'].includes(type))).toEqual([
      'ordering',
      'presented',
      'renewed',
      'reloaded',
      'deployed',
    ]);
    expect(lines.at(-1)).toMatchObject({ command: 'run', lineage: 'events.test', renewed: true, deployment: { result: 'deployed', version: 1 } });
    expect(stderr).toContain('events.test: version 1 obtained');
  });

  test('several installers: the server serves and the files hold one version, and each is served once a version', async () => {
    const site = await newSite({ names: ['several.test'], tls: true });
    const home = newHome();
    const copy = join(dir.path, 'several.pem');
    const key = join(dir.path, 'several.key');
    const args = [...job(site), '--installer', 'files', '--files-fullchain', copy, '--files-key', key];
    const agrees = async () => {
      const fullchain = readFileSync(join(home.path, 'live/several.test/fullchain.pem'), 'utf8');
      expect(readFileSync(copy, 'utf8')).toBe(fullchain);
      expect(readFileSync(key, 'utf8')).toBe(readFileSync(join(home.path, 'live/several.test/privkey.pem'), 'utf8'));
      expect(await leaf(nginx.httpsPort, 'several.test')).toBe(fingerprint(fullchain));
      return fingerprint(fullchain);
    };
    await succeeds(home, args);
    const first = await agrees();
    expect(await reloadsDuring(() => succeeds(home, args))).toBe(0);
    await succeeds(home, ['renew', '--force']);
    expect(await agrees()).toBe(first);
    expect(await reloadsDuring(() => succeeds(home, ['deploy', '--now']))).toBe(1);
    const second = await agrees();
    expect(second).not.toBe(first);

    expect(await reloadsDuring(() => succeeds(home, ['rollback', 'several.test']))).toBe(1);
    expect(await agrees()).toBe(first);
    await succeeds(home, ['release', 'several.test']);

    // One of two servers cannot take it: the other is served, and the lineage stays owed.
    rmSync(copy);
    mkdirSync(copy);
    const partly = await home.run(['deploy', '--now', '--json']);
    expect(partly.exitCode, printed(partly)).toBeGreaterThan(0);
    expect(partly.stderr).toContain(copy);
    rmSync(copy, { recursive: true });
    await succeeds(home, ['deploy', '--now']);
    expect(await agrees()).toBe(second);
  });

  test('twenty lineages, written by hand, are first served with one reload, and renewed with one more', async () => {
    const home = newHome();
    const sites = Array.from({ length: 20 }, (_, at) => nginx.addSite({ names: [`many${at + 1}.test`], tls: true }));
    await nginx.reload();
    // The person agrees to the CA's terms once.
    const [first] = sites as [Site];
    await succeeds(home, [...namesOf(first), '--authenticator', 'webroot', '--webroot-root', first.webroot, ...caFlags(pebble)]);
    for (const site of sites) {
      writeFileSync(
        join(home.path, `lineages/${site.name}.yaml`),
        `# made by hand
identifiers: [${site.names.join(', ')}]
ca: ${pebble.directoryUrl}
ca_bundle: ${pebble.caBundlePath}
authenticator: { plugin: webroot, root: ${site.webroot} }
installers:
  - plugin: nginx-custom
    binary: ${nginx.binary}
    reload-command: ${nginx.ngxreload}
`,
        { mode: 0o600 },
      );
    }
    const served = () => Promise.all(sites.map(({ name }) => leaf(nginx.httpsPort, name)));

    expect(await reloadsDuring(() => succeeds(home, ['renew']))).toBe(1);
    const roots = await pebble.roots();
    for (const { name } of sites) await verifiedHandshake({ port: nginx.httpsPort, servername: name }, roots);
    const before = await served();

    expect(await reloadsDuring(() => succeeds(home, ['renew', '--force']))).toBe(0);
    expect(await served()).toEqual(before);

    expect(await reloadsDuring(() => succeeds(home, ['deploy', '--now']))).toBe(1);
    const after = await served();
    for (const [at, one] of after.entries()) expect(one).not.toBe(before[at]);
    expect(new Set(after).size).toBe(20);
    expect(readFileSync(join(home.path, 'lineages/many7.test.yaml'), 'utf8')).toContain('# made by hand');
  });

  test('a stopped server: the version waits for its start, no failure, and is proven by the next run', async () => {
    const site = await newSite({ names: ['asleep.test'], tls: true });
    const home = newHome();
    await succeeds(home, job(site));
    const first = await leaf(nginx.httpsPort, 'asleep.test');
    await succeeds(home, ['renew', '--force']);
    await nginx.halt();
    await succeeds(home, ['deploy', '--now']);
    expect(nginx.pid()).toBeUndefined();
    expect(JSON.parse((await succeeds(home, ['status', '--json'])).stdout).lineages[0]).toMatchObject({ owed: true });

    await nginx.start();
    await succeeds(home, ['renew']);
    expect(await leaf(nginx.httpsPort, 'asleep.test')).not.toBe(first);
    expect(JSON.parse((await succeeds(home, ['status', '--json'])).stdout).lineages[0]).toMatchObject({ owed: false, live: { number: 2 } });
  });
});

/** The certificate directives of a site as the layout made them. */
function pairOf({ tls }: Site): string {
  return `  ssl_certificate      ${tls?.certificatePath};\n  ssl_certificate_key  ${tls?.keyPath};\n`;
}

/** The one file of a unified diff, and its lines without their marks. */
function diffIn(text: string): { readonly file: string; readonly added: readonly string[]; readonly removed: readonly string[] } {
  const lines = text.split('\n');
  expect(text).toMatch(/^--- .+\n\+\+\+ .+\n@@ -\d+(,\d+)? \+\d+(,\d+)? @@/m);
  const file = (/^\+\+\+ (\S+)/m.exec(text)?.[1] ?? '').replace(/^b(?=\/)/, '');
  const marked = (mark: string) => lines.filter((line) => line.startsWith(mark) && !line.startsWith(mark.repeat(3))).map((line) => line.slice(1));
  return { file, added: marked('+'), removed: marked('-') };
}

const page = (port: number, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', servername: host, headers: { host }, rejectUnauthorized: false, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve(body));
    }).once('error', reject);
  });
