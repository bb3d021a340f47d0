import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { judgeCrl } from '../../core/acme/crl.ts';
import { judgeOcsp, ocspRequest } from '../../core/acme/ocsp.ts';
import { askRevocation } from '../../core/acme/revocation.ts';
import { type Answer, hasOpenssl, type Pair, type RevokingCa, startRevokingCa } from '../parts/revoking-ca.ts';
import { mint } from './minted.ts';

const DAY_MS = 86_400_000;
/** openssl says at the second what we ask within it. */
const soon = () => Date.now() + 1_000;
const never = new AbortController().signal;

describe.skipIf(!hasOpenssl)('a certificate that names whom to ask', () => {
  let ca: RevokingCa;
  /** Another CA of the same name, with a key of its own. */
  let impostor: RevokingCa;
  let byOcsp: string;
  let byCrl: string;
  let revokedByOcsp: string;
  let revokedByCrl: string;
  let delegate: Pair;
  let serverPair: Pair;
  let impostorsDelegate: Pair;
  /** Another name over the same key. */
  let sameKey: RevokingCa;

  beforeAll(async () => {
    [ca, impostor] = await Promise.all([startRevokingCa(), startRevokingCa()]);
    byOcsp = ca.issue({ ocsp: ca.ocspUrl });
    byCrl = ca.issue({ crl: ca.crlUrl });
    revokedByOcsp = ca.issue({ ocsp: ca.ocspUrl });
    revokedByCrl = ca.issue({ crl: ca.crlUrl });
    ca.revoke(revokedByOcsp, 'keyCompromise');
    ca.revoke(revokedByCrl, 'superseded');
    delegate = ca.delegate('OCSPSigning');
    serverPair = ca.delegate('serverAuth');
    impostorsDelegate = impostor.delegate('OCSPSigning');
    const renamed = mint({ name: 'Another CA', ca: true, keyPem: ca.issuer.keyPem, notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS });
    sameKey = await startRevokingCa({ issuer: { certificatePem: renamed.pem, keyPem: renamed.keyPem } });
  });
  afterAll(() => Promise.all([ca?.stop(), impostor?.stop(), sameKey?.stop()]));
  beforeEach(() => ca.answer(honest));

  const honest = async (request: Buffer, path: string): Promise<Answer> => ({ bytes: path === '/crl' ? ca.list() : await ca.respond(request) });
  const ask = (certificatePem: string, { nowMs = soon(), chainPem = ca.issuer.certificatePem, timeoutMs = 60_000 } = {}) =>
    askRevocation({ certificatePem, chainPem }, { nowMs, signal: never, timeoutMs });
  const because = async (certificatePem: string, options?: Parameters<typeof ask>[1]) => {
    const reply = await ask(certificatePem, options);
    expect(reply).toMatchObject({ kind: 'no-answer' });
    return reply.kind === 'no-answer' ? reply.because : '';
  };

  test('good and revoked, by OCSP and by list, with the moment and the reason', async () => {
    expect(await ask(byOcsp)).toMatchObject({ kind: 'answered', answer: { status: 'good', by: { kind: 'ocsp', url: ca.ocspUrl } } });
    expect(await ask(byCrl)).toMatchObject({ kind: 'answered', answer: { status: 'good', by: { kind: 'crl', url: ca.crlUrl } } });
    const revoked = { status: 'revoked', revokedAtMs: expect.any(Number) };
    expect(await ask(revokedByOcsp)).toMatchObject({ answer: { ...revoked, cause: 'keyCompromise' } });
    const reply = await ask(revokedByCrl);
    expect(reply).toMatchObject({ answer: { ...revoked, cause: 'superseded' } });
    if (reply.kind !== 'answered') return;
    expect(Math.abs((reply.answer.revokedAtMs ?? 0) - Date.now())).toBeLessThan(DAY_MS);
    expect((reply.answer.nextMs ?? 0) - reply.answer.asOfMs).toBe(7 * DAY_MS);
  });

  test('the same from a CA with an RSA key', async () => {
    const rsa = await startRevokingCa({ algorithm: 'rsa:2048' });
    const certificatePem = rsa.issue({ ocsp: rsa.ocspUrl });
    const listed = rsa.issue({ crl: rsa.crlUrl });
    rsa.revoke(listed, 'keyCompromise');
    expect(await ask(certificatePem, { chainPem: rsa.issuer.certificatePem })).toMatchObject({ answer: { status: 'good' } });
    expect(await ask(listed, { chainPem: rsa.issuer.certificatePem })).toMatchObject({ answer: { status: 'revoked' } });
    await rsa.stop();
  });

  test('one that names nobody is asked about nowhere', async () => {
    const before = ca.asked.length;
    expect(await ask(ca.issue({}))).toEqual({ kind: 'nobody-named' });
    expect(await ask(ca.issue({ ocsp: 'https://127.0.0.1/', crl: 'ldap://127.0.0.1/' }))).toEqual({ kind: 'nobody-named' });
    expect(ca.asked).toHaveLength(before);
  });

  test('a responder that does not know it: unknown; a list is asked then', async () => {
    const both = ca.issue({ ocsp: ca.ocspUrl, crl: ca.crlUrl });
    const unknowing = await startRevokingCa({ issuer: ca.issuer });
    ca.answer(async (request, path) => ({ bytes: path === '/crl' ? ca.list() : await unknowing.respond(request) }));
    expect(await ask(byOcsp)).toMatchObject({ kind: 'answered', answer: { status: 'unknown' } });
    expect(await ask(both)).toMatchObject({ kind: 'answered', answer: { status: 'good', by: { kind: 'crl' } } });
    await unknowing.stop();
  });

  test('a delegate that the issuer named for it may sign', async () => {
    ca.answer(async (request) => ({ bytes: await ca.respond(request, { signer: delegate }) }));
    expect(await ask(revokedByOcsp)).toMatchObject({ answer: { status: 'revoked' } });
    expect(await because(byOcsp, { nowMs: Date.now() + 31 * DAY_MS })).toContain('signed with a certificate that is not valid now');
  });

  const lies: readonly (readonly [title: string, which: 'ocsp' | 'crl', lie: (request: Buffer) => Promise<Answer | undefined>, words: string])[] = [
    [
      'signed with a server certificate',
      'ocsp',
      async (request) => ({ bytes: await ca.respond(request, { signer: serverPair }) }),
      'not for signing such answers',
    ],
    ['signed by another CA of the same name', 'ocsp', async (request) => ({ bytes: await ca.respond(request, { signer: impostor.issuer }) }), 'did not name'],
    ['signed by a delegate of that other CA', 'ocsp', async (request) => ({ bytes: await ca.respond(request, { signer: impostorsDelegate }) }), 'did not name'],
    [
      'without the certificate of who signed',
      'ocsp',
      async (request) => ({ bytes: await ca.respond(request, { signer: delegate, args: ['-resp_no_certs'] }) }),
      'no signature that holds',
    ],
    [
      'with one bit turned',
      'ocsp',
      async (request) => ({ bytes: turned(await ca.respond(request, { args: ['-ndays', '3', '-resp_no_certs'] })) }),
      'no signature that holds',
    ],
    ['a refusal', 'ocsp', async () => ({ bytes: Buffer.from('30030a0103', 'hex') }), 'a refusal: it asks to be tried later'],
    ['cut off', 'ocsp', async (request) => ({ bytes: (await ca.respond(request)).subarray(0, 90) }), 'cannot be read'],
    ['garbage', 'ocsp', async () => ({ bytes: Buffer.from('<html>Welcome</html>') }), 'cannot be read'],
    ['empty', 'ocsp', async () => ({ bytes: Buffer.alloc(0) }), 'cannot be read'],
    ['too long', 'ocsp', async () => ({ bytes: Buffer.alloc(70_000) }), 'longer than 65536 bytes'],
    ['an error', 'ocsp', async () => ({ status: 503, bytes: Buffer.alloc(0) }), 'has status 503'],
    ['of another name over the same key', 'crl', async () => ({ bytes: sameKey.list() }), 'is of another issuer'],
    ['of another CA of the same name', 'crl', async () => ({ bytes: impostor.list() }), 'no signature that holds'],
    ['with one bit turned', 'crl', async () => ({ bytes: turned(ca.list()) }), 'no signature that holds'],
    ['cut off', 'crl', async () => ({ bytes: ca.list().subarray(0, 200) }), 'cannot be read'],
    ['in PEM', 'crl', async () => ({ bytes: Buffer.from('-----BEGIN X509 CRL-----') }), 'cannot be read'],
    ['not there', 'crl', async () => ({ status: 404, bytes: Buffer.alloc(0) }), 'has status 404'],
  ];
  for (const [title, which, lie, words] of lies) {
    test(`nothing is believed: ${which === 'ocsp' ? 'a response' : 'a list'} ${title}`, async () => {
      ca.answer(lie);
      expect(await because(which === 'ocsp' ? revokedByOcsp : revokedByCrl)).toContain(words);
    });
  }

  test('nothing is believed: a response about another certificate', async () => {
    let aboutTheGoodOne: Answer | undefined;
    ca.answer(async (request) => {
      aboutTheGoodOne = { bytes: await ca.respond(request) };
      return aboutTheGoodOne;
    });
    await ask(byOcsp);
    ca.answer(async () => aboutTheGoodOne);
    expect(await because(revokedByOcsp)).toContain('about another certificate');
  });

  test('no bit of an answer can be turned, and no end cut off, so that it says something else', async () => {
    const asked = { leaf: new X509Certificate(revokedByOcsp), issuer: new X509Certificate(ca.issuer.certificatePem) };
    const response = await ca.respond(ocspRequest(asked), { signer: delegate });
    const list = ca.list();
    const judges = [
      [response, (bytes: Buffer) => judgeOcsp(bytes, asked, soon()).status],
      [list, (bytes: Buffer) => judgeCrl(bytes, asked, ca.crlUrl, soon()).status],
    ] as const;
    for (const [answer, judge] of judges) {
      expect(judge(answer)).toBe('revoked');
      for (let at = 0; at < answer.length; at++) {
        const copy = Buffer.from(answer);
        copy[at] = (answer[at] ?? 0) ^ (1 << (at % 8));
        expect(
          statusOr(() => judge(copy), 'none'),
          `byte ${at}`,
        ).toMatch(/^(revoked|none)$/);
        expect(
          statusOr(() => judge(answer.subarray(0, at)), 'none'),
          `cut off at ${at}`,
        ).toBe('none');
      }
    }
  });

  test('an answer of the past or of the future is none', async () => {
    expect(await because(byOcsp, { nowMs: Date.now() + 4 * DAY_MS })).toContain('held until');
    expect(await because(byCrl, { nowMs: Date.now() + 8 * DAY_MS })).toContain('held until');
    expect(await because(byOcsp, { nowMs: Date.now() - DAY_MS })).toContain('is to come');
    ca.answer(async (request) => ({ bytes: await ca.respond(request, { args: [] }) })); // without an end
    expect(await ask(byOcsp)).toMatchObject({ answer: { status: 'good' } });
    expect(await because(byOcsp, { nowMs: Date.now() + 2 * DAY_MS })).toContain('held until');
  });

  test('a responder that keeps silent, one that is not there, and an interruption', async () => {
    ca.answer(async () => undefined);
    expect(await because(byOcsp, { timeoutMs: 50 })).toContain('was not whole after 0.05 seconds');
    expect(await because(ca.issue({ ocsp: 'http://127.0.0.1:1/' }))).toContain('did not come');
    const abort = new AbortController();
    const asking = askRevocation({ certificatePem: byOcsp, chainPem: ca.issuer.certificatePem }, { nowMs: soon(), signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
  });

  test('an issuer that is not in the chain, or only has its name, vouches for nothing', async () => {
    expect(await because(byOcsp, { chainPem: '' })).toContain('not in the chain');
    expect(await because(byOcsp, { chainPem: impostor.issuer.certificatePem })).toContain('not in the chain');
  });

  const scopes: readonly (readonly [title: string, scope: readonly string[], words: string | undefined])[] = [
    ['of another part', ['issuingDistributionPoint=critical,@scope', '[scope]', 'fullname=URI:http://127.0.0.1/other'], 'is a list of other certificates'],
    ['of CAs', ['issuingDistributionPoint=critical,@scope', '[scope]', 'onlyCA=TRUE'], 'is a list of other certificates'],
    ['of one reason', ['issuingDistributionPoint=critical,@scope', '[scope]', 'onlysomereasons=keyCompromise'], 'or of some reasons alone'],
    ['of changes alone', ['2.5.29.27=critical,ASN1:INTEGER:1'], 'a critical extension that is not known'],
    ['of this very part, as public CAs have them', ['issuingDistributionPoint=critical,@scope', '[scope]', 'fullname=URI:OWN', 'onlyuser=TRUE'], undefined],
  ];
  for (const [title, listScope, words] of scopes) {
    test(`a list ${title} is ${words === undefined ? 'taken at its word' : 'no word about this certificate'}`, async () => {
      const scoped = await startRevokingCa({ issuer: ca.issuer, listScope: listScope.map((line) => line.replace('OWN', ca.crlUrl)) });
      ca.answer(async () => ({ bytes: scoped.list() }));
      if (words === undefined) expect(await ask(byCrl)).toMatchObject({ answer: { status: 'good' } });
      else expect(await because(byCrl)).toContain(words);
      await scoped.stop();
    });
  }
});

/** The last byte is of the signature. */
function turned(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

function statusOr(judge: () => string, otherwise: string): string {
  try {
    return judge();
  } catch {
    return otherwise;
  }
}
