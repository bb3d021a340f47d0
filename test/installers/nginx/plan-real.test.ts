import { join } from 'node:path';
import { applySplices } from 'certkit/confedit';
import type { ChangePlan, LineageRequest, PluginContext } from 'certkit/plugin';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import nginx from '../../../installers/nginx/nginx.ts';
import { servedCertificate } from '../../parts/handshake.ts';
import { startStockNginx } from '../../parts/nginx.ts';
import type { NginxLayout } from '../../parts/nginx-site.ts';
import { selfSigned } from '../../parts/self-signed.ts';

const context: PluginContext = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();

let stock: NginxLayout;
let lineage: LineageRequest;
let certificatePem: string;

beforeAll(async () => {
  stock = await startStockNginx();
  const pair = selfSigned({ names: ['new.example'] });
  certificatePem = pair.certificatePem;
  const fullchain = stock.writeFile('live/new/fullchain.pem', pair.certificatePem);
  const key = stock.writeFile('live/new/privkey.pem', pair.keyPem, 0o600);
  lineage = {
    lineage: 'new',
    identifiers: [{ kind: 'dns', value: 'new.example', wildcard: false }],
    pairs: [{ keyType: 'ecdsa', fullchain, key, certificate: fullchain, chain: fullchain }],
    structure: 'may-change',
  };
});
afterAll(() => stock?.stop());

const at = (text: string) => text.replaceAll('HTTPS', String(stock.httpsPort)).replaceAll('HTTP', String(stock.httpPort));

async function planFor(text: string): Promise<ChangePlan> {
  // Started anew: some layouts want sockets that nginx could not open beside those of the one before.
  await stock.halt();
  stock.writeFile('etc/nginx/sites-available/default', at(text));
  await stock.start();
  const installer = nginx.create(
    { binary: undefined, conf: stock.conf, 'tls-port': stock.httpsPort, redirect: undefined, hsts: undefined, 'tls-profile': undefined },
    context,
  );
  return installer.plan({ lineages: [lineage], liveRoot: join(stock.root, 'live') }, await installer.survey(signal));
}

async function apply({ splices }: ChangePlan): Promise<void> {
  for (const file of new Set(splices.map((splice) => splice.file))) {
    const before = new TextEncoder().encode(stock.readFile(file));
    const after = applySplices(
      before,
      splices.filter((splice) => splice.file === file),
    );
    stock.writeFile(file, new TextDecoder().decode(after));
  }
  const { ok, output } = stock.test();
  expect({ ok, warnings: output.match(/\[(?:warn|emerg|alert)\].*/g) ?? [] }).toEqual({ ok: true, warnings: [] });
  await stock.reload();
}

const layouts: readonly [title: string, text: string, servername: string][] = [
  ['a catch-all without TLS', 'server { listen 127.0.0.1:HTTP default_server; server_name _; return 200 all; }\n', 'new.example'],
  [
    'a catch-all that comes behind a site of the same run',
    'server { listen 127.0.0.1:HTTP; server_name other.example; return 200 other; }\nserver { listen 127.0.0.1:HTTP default_server; return 200 all; }\n',
    'new.example',
  ],
  [
    'options of a socket, once for two sites',
    `server { listen 127.0.0.1:HTTP reuseport backlog=64; server_name new.example; return 200 new; }
server { listen 127.0.0.1:HTTP; listen 127.0.0.1:HTTPS ssl http2 reuseport backlog=64; server_name old.example; ssl_certificate OLD.crt; ssl_certificate_key OLD.key; }\n`,
    'new.example',
  ],
  [
    'a site at every address, IPv4 and IPv6 through one socket',
    'server { listen [::]:HTTP ipv6only=off; server_name new.example; return 200 new; }\n',
    'new.example',
  ],
  ['a pattern that the certificate covers', 'server { listen 127.0.0.1:HTTP; server_name "~^(?:new)\\.example$"; return 200 new; }\n', 'new.example'],
];

for (const [title, text, servername] of layouts) {
  test(`a real nginx: ${title}`, async () => {
    const old = selfSigned({ names: ['old.example'] });
    stock.writeFile('etc/nginx/OLD.crt', old.certificatePem);
    stock.writeFile('etc/nginx/OLD.key', old.keyPem, 0o600);
    const plan = await planFor(text);
    expect(plan.refusals).toEqual([]);
    await apply(plan);
    const [leaf] = await servedCertificate({ port: stock.httpsPort, servername });
    expect(leaf?.toString().replace(/\s+/g, '')).toBe(certificatePem.replace(/\s+/g, ''));
    for (const { endpoint } of plan.serves) expect(endpoint).toMatchObject({ port: stock.httpsPort });
  });
}

test('a real nginx: what it is told of HTTP/2 with a new address', async () => {
  const plan = await planFor('server { listen 127.0.0.1:HTTP; server_name new.example; }\n');
  expect(plan.splices.map(({ insert }) => insert).join('')).toContain(at('listen 127.0.0.1:HTTPS ssl http2;'));
});

test("a real nginx: a block without a pair is served with the default's, so that a pair of its own changes all its names", async () => {
  const text = at(`server { listen 127.0.0.1:HTTP; listen 127.0.0.1:HTTPS ssl; server_name old.example; ssl_certificate OLD.crt; ssl_certificate_key OLD.key; }
server { listen 127.0.0.1:HTTPS ssl; server_name new.example second.example; }\n`);
  const plan = await planFor(text);
  const [leaf] = await servedCertificate({ port: stock.httpsPort, servername: 'second.example' });
  expect(leaf?.subjectAltName).toBe('DNS:old.example');
  expect(plan.refusals).toMatchObject([{ because: expect.stringContaining('would also be for second.example') }]);
});
