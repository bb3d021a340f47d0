import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from './temp.ts';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface RevokingCaOptions {
  /** A CA that is there already, whose certificates are revoked here. */
  readonly issuer?: Pair;
  /** Of its own key, as `openssl req -newkey` takes it. */
  readonly algorithm?: string;
  /** Where its responder listens; any free port when not given. */
  readonly port?: number;
  /** Lines of openssl's configuration for the scope of its lists. */
  readonly listScope?: readonly string[];
}

export interface RevokingCa {
  readonly issuer: Pair;
  readonly ocspUrl: string;
  readonly crlUrl: string;
  /** A certificate of ninety days that names whom it says. */
  issue(names: { readonly ocsp?: string; readonly crl?: string }): string;
  /** One that may sign answers, or may not. */
  delegate(eku: 'OCSPSigning' | 'serverAuth', days?: number): Pair;
  /** Knows the certificate as good. */
  know(certificatePem: string): void;
  revoke(certificatePem: string, reason: string): void;
  /** An OCSP response of openssl's to the request, signed by the issuer or by `signer`. */
  respond(request: Buffer, options?: { readonly signer?: Pair; readonly args?: readonly string[] }): Promise<Buffer>;
  /** A list as of now, DER. */
  list(): Buffer;
  /** What the listener answers from now on; `undefined` answers nothing, ever. */
  answer(by: (request: Buffer, path: string) => Promise<Answer | undefined>): void;
  /** Paths that were asked, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

export interface Answer {
  readonly status?: number;
  readonly bytes: Buffer;
}

const SELF_SIGNED = ['-x509', '-nodes', '-days', '3650', '-subj', '/CN=Revoking CA', '-addext', 'keyUsage=keyCertSign,cRLSign'];
const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** OpenSSL as a CA with its index of what it revoked; a listener on loopback hands out what its `ocsp` and its `ca -gencrl` make of that. */
export async function startRevokingCa({ issuer: given, algorithm, port = 0, listScope = [] }: RevokingCaOptions = {}): Promise<RevokingCa> {
  const dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] });
  const read = (name: string) => readFileSync(at(name), 'utf8');
  let count = 0;
  const put = (name: string, text: string) => {
    writeFileSync(at(name), text, { mode: 0o600 });
    return name;
  };

  put('index.txt', '');
  put('index.txt.attr', 'unique_subject = no\n');
  put('crlnumber', '01\n');
  put(
    'ca.cnf',
    ['[ca]', 'default_ca=own', '[own]', 'database=index.txt', 'crlnumber=crlnumber', 'certificate=ca.pem', 'private_key=ca.key', 'default_md=sha256']
      .concat(['default_days=90', 'default_crl_days=7', 'policy=any', 'rand_serial=yes', 'new_certs_dir=.', 'email_in_dn=no', 'crl_extensions=crl'])
      .concat(['[any]', 'commonName=supplied', '[crl]', ...listScope, ''])
      .join('\n'),
  );
  if (given === undefined) openssl('req', ...SELF_SIGNED, ...(algorithm === undefined ? P256 : ['-newkey', algorithm]), '-keyout', 'ca.key', '-out', 'ca.pem');
  else {
    put('ca.pem', given.certificatePem);
    put('ca.key', given.keyPem);
  }
  const issuer: Pair = { certificatePem: read('ca.pem'), keyPem: read('ca.key') };

  function sign(extensions: readonly string[], days: number): Pair {
    const name = `leaf-${count++}`;
    // Nothing but its name points at the issuer: another CA of that name is told apart by its signature alone.
    appendFileSync(at('ca.cnf'), [`[${name}]`, 'authorityKeyIdentifier=none', ...extensions, ''].join('\n'));
    openssl('req', '-new', ...P256, '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('ca', '-batch', '-config', 'ca.cnf', '-notext', '-extensions', name, '-days', `${days}`, '-in', `${name}.csr`, '-out', `${name}.pem`);
    return { certificatePem: read(`${name}.pem`), keyPem: read(`${name}.key`) };
  }

  const list = () => {
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'crl.pem');
    return openssl('crl', '-in', 'crl.pem', '-outform', 'DER');
  };
  const respond: RevokingCa['respond'] = async (request, { signer = issuer, args = ['-ndays', '3'] } = {}) => {
    const own = `ocsp-${count++}`;
    const [certificate, key] = [put(`${own}.pem`, signer.certificatePem), put(`${own}.key`, signer.keyPem)];
    writeFileSync(at(`${own}.req`), request);
    const files = ['-index', 'index.txt', '-CA', 'ca.pem', '-rsigner', certificate, '-rkey', key, '-reqin', `${own}.req`, '-respout', `${own}.resp`];
    await promisify(execFile)('openssl', ['ocsp', ...files, ...args], { cwd: dir.path });
    return readFileSync(at(`${own}.resp`));
  };

  let answering: Parameters<RevokingCa['answer']>[0] = async (request, path) => ({ bytes: path === '/crl' ? list() : await respond(request) });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    void bodyOf(request)
      .then((body) => answering(body, request.url ?? ''))
      .then((answer) => {
        if (answer !== undefined) response.writeHead(answer.status ?? 200).end(answer.bytes);
      })
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    ocspUrl: `${base}/ocsp`,
    crlUrl: `${base}/crl`,
    issue: ({ ocsp, crl }) =>
      sign([...(ocsp === undefined ? [] : [`authorityInfoAccess=OCSP;URI:${ocsp}`]), ...(crl === undefined ? [] : [`crlDistributionPoints=URI:${crl}`])], 90)
        .certificatePem,
    delegate: (eku, days = 30) => sign([`extendedKeyUsage=${eku}`], days),
    know: (certificatePem) => void openssl('ca', '-config', 'ca.cnf', '-valid', put('known.pem', certificatePem)),
    revoke: (certificatePem, reason) => void openssl('ca', '-config', 'ca.cnf', '-revoke', put('revoked.pem', certificatePem), '-crl_reason', reason),
    respond,
    list,
    answer: (by) => {
      answering = by;
    },
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      dir.remove();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
