import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Socket, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createHttpCheck } from '../../core/edges/http-check.ts';
import { ruleAgainst } from '../../core/edges/http-trail.ts';
import type { Dns, HttpExpectation, HttpSight } from '../../plugins/contract.ts';
import { freePort } from '../parts/ports.ts';
import { selfSigned } from '../parts/self-signed.ts';

const never = new AbortController().signal;
const CONTENT = 'token.thumbprint';
const PATH = '/.well-known/acme-challenge/token';

const open: TcpServer[] = [];
const connections = new Set<Socket>();
afterEach(async () => {
  for (const socket of connections) socket.destroy();
  await Promise.all(open.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function listen(server: TcpServer, port: number, address = '127.0.0.1'): Promise<void> {
  open.push(server);
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  await new Promise<void>((done, failed) => server.once('error', failed).listen(port, address, done));
}

/** A site at 127.0.0.1; answers its port. */
async function site(answer: RequestListener, address?: string): Promise<number> {
  const port = await freePort();
  await listen(createHttp(answer), port, address);
  return port;
}

async function secureSite(answer: RequestListener): Promise<number> {
  const port = await freePort();
  const { certificatePem, keyPem } = selfSigned({ names: ['another.example'] });
  await listen(createHttps({ cert: certificatePem, key: keyPem }, answer), port);
  return port;
}

/** Every name is at 127.0.0.1, but for those that are said. */
const dnsWith = (known: Readonly<Record<string, readonly string[]>> = {}): Dns => ({
  addresses: async (name) => known[name] ?? ['127.0.0.1'],
  place: () => Promise.reject(new Error('not asked here')),
  txt: () => Promise.reject(new Error('not asked here')),
});

const expectation = (port: number): HttpExpectation => ({
  identifier: { kind: 'dns', value: 'example.com', wildcard: false },
  path: PATH,
  content: CONTENT,
  port,
});

const lookAt = (port: number, dns: Dns = dnsWith(), signal = never): Promise<HttpSight> => createHttpCheck({ dns }).look(expectation(port), signal);

const proof: RequestListener = (request, response) => void response.end(request.url === PATH ? CONTENT : 'elsewhere');
const redirect =
  (to: string, status = 301): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { location: to }).end();
const page =
  (html: string, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'text/html', server: 'Apache/2.4' }).end(html);

describe('right', () => {
  test('the file, asked for with the name and as certkit', async () => {
    let headers: Readonly<Record<string, unknown>> = {};
    const port = await site((request, response) => {
      headers = request.headers;
      proof(request, response);
    });
    expect(await lookAt(port)).toEqual({ kind: 'right' });
    expect(headers).toMatchObject({ host: `example.com:${port}`, 'user-agent': 'certkit' });
    expect(headers).not.toHaveProperty('cookie');
  });

  test('with a line end after it, as editors leave one', async () => {
    expect(await lookAt(await site((_, response) => void response.end(`${CONTENT}\r\n`)))).toEqual({ kind: 'right' });
  });

  test('after a redirect to https, whatever certificate is there', async () => {
    const secure = await secureSite(proof);
    expect(await lookAt(await site(redirect(`https://example.com:${secure}${PATH}`)))).toEqual({ kind: 'right' });
  });

  test('http to https to www, as many sites do', async () => {
    let port = 0;
    const secure = await secureSite((request, response) =>
      request.headers.host?.startsWith('www.') ? proof(request, response) : redirect(`https://www.example.com:${secure}${PATH}`)(request, response),
    );
    port = await site(redirect(`https://example.com:${secure}${PATH}`, 308));
    expect(await lookAt(port)).toEqual({ kind: 'right' });
  });

  test('through another host and back, as a CDN does', async () => {
    let edge = 0;
    const port = await site((request, response) => {
      if (request.url === PATH) redirect(`http://cdn.example.net:${edge}${PATH}`, 302)(request, response);
      else response.end(CONTENT);
    });
    edge = await site(redirect(`http://example.com:${port}/origin`, 307), '127.0.0.2');
    expect(await lookAt(port, dnsWith({ 'cdn.example.net': ['127.0.0.2'] }))).toEqual({ kind: 'right' });
  });

  test('a redirect without a host stays where it is', async () => {
    const port = await site((request, response) => (request.url === PATH ? redirect('/proofs/token')(request, response) : void response.end(CONTENT)));
    expect(await lookAt(port)).toEqual({ kind: 'right' });
  });

  test('an IP address is its own address', async () => {
    const port = await site(proof);
    const sight = await createHttpCheck({ dns: dnsWith({ '127.0.0.1': [] }) }).look(
      { ...expectation(port), identifier: { kind: 'ip', value: '127.0.0.1', wildcard: false } },
      never,
    );
    expect(sight).toEqual({ kind: 'right' });
  });

  test('at IPv4, where nobody answers over IPv6', async () => {
    expect(await lookAt(await site(proof), dnsWith({ 'example.com': ['127.0.0.1', '::1'] }))).toEqual({ kind: 'right' });
  });
});

describe('wrong, and why', () => {
  const table: readonly [title: string, answer: RequestListener, because: RegExp, hint: RegExp][] = [
    [
      "another server's 404",
      page('<html><title>Not Found</title>', 404),
      /127\.0\.0\.1:\d+ \("Apache\/2\.4"\) answered 404, a page titled "Not Found", for http:/,
      /somewhere else.*127\.0\.0\.1 is an address of this machine/,
    ],
    ['a rule against dotfiles', page('no', 403), /answered 403, for/, /begin with a dot/],
    ['a login', (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic' }).end(), /answered 401, and demands a login/, /needs a login/],
    ['a login page', page('<html><title>Sign in</title><input name=p type="password">'), /answered with a login page titled "Sign in"/, /needs a login/],
    ["an application's page", page('<!DOCTYPE html><title>Shop</title>'), /a web page titled "Shop" in place of the file/, /An application answers/],
    ['an error of the server', (_, response) => void response.writeHead(502).end(), /answered 502/, /has to answer below/],
    ['something else', (_, response) => void response.end('hello'), /something else \("hello"\)/, /as it is/],
    ['an empty file', (_, response) => void response.end(), /an empty file/, /as it is/],
    ['another client', (_, response) => void response.end('token.other'), /the proof of another ACME account/, /Another ACME client/],
    ['more than a CA reads', (_, response) => void response.end(CONTENT + ' '.repeat(200)), /200 characters of white space/, /128/],
    ['an endless answer', (_, response) => void response.end('x'.repeat(1_000_000)), /something else \("x{60}\.\.\."\)/, /as it is/],
    ['a circle', redirect(PATH), /redirects in a circle: (http:\S+) -> \1$/, /without a redirect/],
    ['too many redirects', (request, response) => redirect(`${request.url}x`)(request, response), /more than 10 redirects/, /without a redirect/],
    ['a redirect that is none for a CA', redirect('/x', 303), /status 303, which CAs do not follow/, /without a redirect/],
    ['a redirect to no URL', redirect('http://['), /no URL/, /without a redirect/],
    ['a redirect to an IP address', redirect('http://127.0.0.1/'), /a redirect to http:\/\/127\.0\.0\.1\/; CAs follow to names/, /without a redirect/],
    ['a redirect to something else than the web', redirect('ftp://example.com/'), /http and https alone/, /without a redirect/],
  ];
  for (const [title, answer, because, hint] of table) {
    test(title, async () => {
      const sight = await lookAt(await site(answer));
      expect(sight).toEqual({ kind: 'wrong', because: expect.stringMatching(because), hint: expect.stringMatching(hint) });
    });
  }

  test('a page whose title is an attack on the terminal is shown harmless and short', async () => {
    const sight = await lookAt(await site(page(`<html><title>\x1b[2J\x07${'\u202e'}evil\r\n${'a'.repeat(500)}</title>`)));
    expect(sight).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/^[\x20-\x7e]{1,400}$/) });
  });

  test('a redirect to https where no TLS is spoken', async () => {
    const plain = await site(proof);
    const sight = await lookAt(await site(redirect(`https://example.com:${plain}${PATH}`)));
    expect(sight).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/no TLS connection came about/) });
  });

  test('a redirect to where nothing listens', async () => {
    const sight = await lookAt(await site(redirect(`https://example.com:${await freePort()}${PATH}`)));
    expect(sight).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/refused.*A redirect leads there: http:\S+ -> https:/) });
  });

  test('a server that hangs up, and one that speaks something else', async () => {
    const [hangingUp, mail] = [await freePort(), await freePort()];
    await listen(
      createTcp((socket) => socket.once('data', () => socket.destroy())),
      hangingUp,
    );
    await listen(
      createTcp((socket) => void socket.on('error', () => {}).end('220 mail.example.com ESMTP\r\n')),
      mail,
    );
    expect(await lookAt(hangingUp)).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/closed the connection without an answer/) });
    expect(await lookAt(mail)).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/not HTTP/) });
  });

  test('a server that changes the protocol', async () => {
    const changing = await freePort();
    await listen(
      createTcp((socket) => void socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')),
      changing,
    );
    expect(await lookAt(changing)).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/answered 101/) });
  });

  test('one of two addresses, which a CA may take', async () => {
    const port = await site(proof);
    await listen(createHttp(page('', 404)), port, '127.0.0.2');
    const sight = await lookAt(port, dnsWith({ 'example.com': ['127.0.0.1', '127.0.0.2'] }));
    expect(sight).toMatchObject({ kind: 'wrong', because: expect.stringMatching(/^127\.0\.0\.2:\d+/) });
  });

  test('an address that is not ours: says so, and what the server of this machine has', async () => {
    const port = await site(proof);
    await listen(createHttp(page('', 404)), port, '127.0.0.2');
    expect(await lookAt(port, dnsWith({ 'example.com': ['127.0.0.2'] }))).toMatchObject({
      kind: 'wrong',
      hint: expect.stringMatching(/127\.0\.0\.2 is no address of this machine: .* asked at 127\.0\.0\.1, has the file in place/),
    });
  });
});

describe('unseen', () => {
  test('nobody answers and nothing listens here', async () => {
    expect(await lookAt(await freePort())).toEqual({
      kind: 'unseen',
      because: expect.stringMatching(/^nobody answers at 127\.0\.0\.1:\d+: the connection is refused\. Nothing listens at port \d+ of this machine\.$/),
    });
  });

  test('nobody answers at the address, and the server of this machine has the file: as behind NAT', async () => {
    const port = await site(proof);
    expect(await lookAt(port, dnsWith({ 'example.com': ['127.0.0.3'] }))).toEqual({
      kind: 'unseen',
      because: expect.stringMatching(/nobody answers at 127\.0\.0\.3:.*The server of this machine, asked at 127\.0\.0\.1, has the file in place\./),
    });
  });

  test('the name has no address, or the DNS does not answer', async () => {
    const port = await site(page('', 404));
    expect(await lookAt(port, dnsWith({ 'example.com': [] }))).toMatchObject({
      kind: 'unseen',
      because: expect.stringMatching(/no address for example\.com.*asked at 127\.0\.0\.1, answered 404/),
    });
    const failing: Dns = { ...dnsWith(), addresses: () => Promise.reject(new Error('no resolver answers')) };
    expect(await lookAt(port, failing)).toMatchObject({ kind: 'unseen', because: expect.stringMatching(/no resolver answers/) });
  });

  test('a server that takes the connection and says nothing', async () => {
    const port = await freePort();
    await listen(
      createTcp((socket) => void socket.on('error', () => {})),
      port,
    );
    const sight = await createHttpCheck({ dns: dnsWith(), answerWithinMs: 50 }).look(expectation(port), never);
    expect(sight).toMatchObject({ kind: 'unseen', because: expect.stringMatching(/no answer within 0\.05 seconds/) });
  });

  test('a redirect to a host that the DNS here does not know', async () => {
    const port = await site(redirect('http://elsewhere.example/'));
    expect(await lookAt(port, dnsWith({ 'elsewhere.example': [] }))).toMatchObject({
      kind: 'unseen',
      because: expect.stringMatching(/no address for elsewhere\.example/),
    });
  });
});

describe('a redirect to an address that no CA can go to is not followed', () => {
  const rows: readonly [title: string, address: string][] = [
    ['where a cloud tells its machines their secrets', '169.254.169.254'],
    ['the same over IPv6', 'fd00:ec2::254'],
    ['the same, written as IPv6', '::ffff:169.254.169.254'],
    ['of the private network', '10.0.0.1'],
  ];
  for (const [title, address] of rows) {
    test(`from this machine to one ${title}`, async () => {
      const port = await site(redirect('http://elsewhere.example/latest/meta-data/'));
      expect(await lookAt(port, dnsWith({ 'elsewhere.example': [address] }))).toMatchObject({
        kind: 'unseen',
        because: expect.stringContaining(`leads from here to ${address}, where no CA can go`),
      });
    });
  }
});

test('it can be ended, before and while it looks', async () => {
  const stop = new AbortController();
  const port = await site(() => stop.abort(new Error('enough')));
  await expect(lookAt(port, dnsWith(), stop.signal)).rejects.toThrow('enough');
  await expect(lookAt(port, dnsWith(), stop.signal)).rejects.toThrow('enough');
});

describe('a CA that asked at port 80', () => {
  const rows: readonly [to: string, follows: boolean][] = [
    ['https://example.com/x', true],
    ['http://www.example.com:443/x', true],
    ['https://example.com:8443/x', false],
    ['http://example.com:8080/x', false],
    ['http://192.0.2.1/x', false],
    ['http://[2001:db8::1]/x', false],
    ['file:///etc/passwd', false],
  ];
  for (const [to, follows] of rows)
    test(`${follows ? 'follows' : 'does not follow'} to ${to}`, () =>
      expect(ruleAgainst(new URL('http://example.com/'), new URL(to)) === undefined).toBe(follows));

  test('follows from an IP address to one', () => expect(ruleAgainst(new URL('http://192.0.2.1/'), new URL('https://192.0.2.1/'))).toBeUndefined());
});
