import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Certkit } from '../../core/composition.ts';
import type { Event } from '../../core/model/event.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';
import { hasOpenssl, type RevokingCa, startRevokingCa } from '../parts/revoking-ca.ts';
import { clockAhead, inProcess } from './in-process.ts';

const HOUR_MS = 3_600_000;
const NAME = 'taken.test';
const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };

describe.skipIf(!hasOpenssl)('certificates that name an OCSP responder', () => {
  let pebble: Pebble;
  let responder: RevokingCa;
  let port: number;
  let home: string;
  /** How far certkit's clock is ahead of the machine's. */
  let aheadMs: number;
  let told: Event[];

  beforeAll(async () => {
    const ports = await freePorts(2);
    const [validationPort, responderPort] = ports as [number, number];
    port = validationPort;
    // Pebble hands out RSA keys alone.
    const config = { keyAlgorithm: 'rsa', ocspResponderURL: `http://127.0.0.1:${responderPort}/ocsp` };
    pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, authzReusePercent: 100, profiles, config });
    const [certificate, key] = await Promise.all([pebble.manage('GET', '/intermediates/0'), pebble.manage('GET', '/intermediate-keys/0')]);
    responder = await startRevokingCa({ issuer: { certificatePem: certificate.body, keyPem: key.body }, port: responderPort });
  });
  afterAll(() => Promise.all([pebble?.stop(), responder?.stop()]));
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'certkit-revoked-'));
    aheadMs = 0;
    told = [];
    responder.answer(async (request) => ({ bytes: await responder.respond(request) }));
    mkdirSync(join(home, 'lineages'), { mode: 0o700 });
    writeFileSync(join(home, 'certkit.yaml'), JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath }), { mode: 0o600 });
    const lineage = { identifiers: [NAME], authenticator: { plugin: 'standalone', port, address: '127.0.0.1' } };
    writeFileSync(join(home, 'lineages', `${NAME}.yaml`), JSON.stringify(lineage), { mode: 0o600 });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** One certkit with a clock of its own. */
  const within = <T>(job: (certkit: Certkit) => Promise<T>) =>
    inProcess({ home, tell: (event) => void told.push(event), clock: clockAhead(() => aheadMs) }, job);
  const renew = ({ force = false } = {}) => within((certkit) => certkit.maintain({ names: [], force, deploy: !force, dryRun: false }));
  const certificate = (version: string) => readFileSync(join(home, 'archive', NAME, version, 'cert.pem'), 'utf8');
  const known = () => Object.values(JSON.parse(readFileSync(join(home, 'state/revocations.json'), 'utf8')).certificates);
  const kinds = () => told.map(({ type }) => type);

  test('the responder is asked six hours after the issue and every twelve hours then; good changes nothing', async () => {
    await renew();
    responder.know(certificate('0001'));
    const before = responder.asked.length;
    aheadMs = 5 * HOUR_MS;
    await renew();
    expect(responder.asked.length).toBe(before);

    aheadMs = 7 * HOUR_MS;
    expect((await renew()).renewals).toMatchObject([{ result: 'not-due' }]);
    expect(responder.asked.length).toBe(before + 1);
    expect(known()).toMatchObject([{ answer: { status: 'good', by: { kind: 'ocsp' } } }]);
    aheadMs = 18 * HOUR_MS;
    await renew();
    expect(responder.asked.length).toBe(before + 1);
    aheadMs = 7 * HOUR_MS + 25 * HOUR_MS; // its answer holds for three days; a day is the longest rest
    await renew();
    expect(responder.asked.length).toBe(before + 2);
    expect(kinds()).not.toContain('revoked');
  });

  test('a revoked one is renewed and deployed at once, and told why', async () => {
    await renew();
    responder.revoke(certificate('0001'), 'keyCompromise');
    aheadMs = 7 * HOUR_MS;
    const { renewals, deployments } = await renew();
    expect(renewals).toMatchObject([{ result: 'renewed', version: { number: 2 } }]);
    expect(deployments).toMatchObject([{ result: 'deployed', version: 2 }]);
    expect(told).toContainEqual(expect.objectContaining({ type: 'revoked', version: 1, cause: 'keyCompromise', by: responder.ocspUrl }));
    expect(told).toContainEqual(expect.objectContaining({ type: 'ordering', reason: 'revoked' }));

    told = [];
    await renew();
    expect(kinds()).not.toContain('revoked');
    await expect(within((certkit) => certkit.rollback(NAME))).rejects.toMatchObject({
      code: 'USAGE_NO_ROLLBACK',
      message: expect.stringContaining(`version 1 is revoked, says ${responder.ocspUrl}`),
    });
  });

  test('a certificate that names nobody is looked into once', async () => {
    const plain = await startPebble({ httpPort: port, tlsPort: port, profiles });
    writeFileSync(join(home, 'certkit.yaml'), JSON.stringify({ ca: plain.directoryUrl, ca_bundle: plain.caBundlePath }), { mode: 0o600 });
    await renew();
    aheadMs = 7 * HOUR_MS;
    await renew();
    const [first] = known();
    expect(first).toEqual({ askedAtMs: expect.any(Number), notAfterMs: expect.any(Number) });
    aheadMs = 100 * HOUR_MS;
    await renew();
    expect(known()).toEqual([first]);
    expect(kinds()).not.toContain('revocation-unclear');
    await plain.stop();
  });

  test('a good pending version takes the place of a revoked one, without another order', async () => {
    await renew();
    expect((await renew({ force: true })).renewals).toMatchObject([{ result: 'renewed', version: { number: 2 } }]);
    responder.know(certificate('0002'));
    responder.revoke(certificate('0001'), 'superseded');
    aheadMs = 7 * HOUR_MS;
    const { renewals, deployments } = await renew();
    expect(renewals).toMatchObject([{ result: 'not-due' }]);
    expect(deployments).toMatchObject([{ result: 'deployed', version: 2 }]);
  });

  test('a revoked pending version is never deployed: another is obtained and waits', async () => {
    await renew();
    await renew({ force: true });
    responder.know(certificate('0001'));
    responder.revoke(certificate('0002'), 'superseded');
    aheadMs = 7 * HOUR_MS;
    const { renewals, deployments } = await renew();
    expect(renewals).toMatchObject([{ result: 'renewed', version: { number: 3 } }]);
    expect(deployments).toMatchObject([{ result: 'not-due' }]);
  });

  test('deploy --now refuses a revoked version; explain says who told', async () => {
    await renew();
    await renew({ force: true });
    responder.revoke(certificate('0002'), 'superseded');
    aheadMs = 7 * HOUR_MS;
    writeFileSync(join(home, 'lineages', `${NAME}.yaml`), readFileSync(join(home, 'lineages', `${NAME}.yaml`), 'utf8').replace('standalone', 'gone'));
    await renew(); // notices, and cannot renew
    await within(async (certkit) => {
      const views = await certkit.store.overview();
      const options = { asked: true, structure: 'keep', dryRun: false, refuseRejected: true } as const;
      expect((await certkit.deploy(views, options)).outcomes).toMatchObject([{ result: 'failed', error: { code: 'USAGE_REVOKED_VERSION' } }]);
      const [inspection] = await certkit.inspect(views);
      expect(inspection).toMatchObject({
        deployment: { due: false, reason: 'pending-revoked' },
        revocations: [{ version: 1 }, { version: 2, answer: { status: 'revoked', by: { url: responder.ocspUrl } } }],
      });
    });
  });

  test('no answer is no failure and decides nothing; what was known before stays', async () => {
    await renew();
    responder.revoke(certificate('0001'), 'superseded');
    aheadMs = 7 * HOUR_MS;
    responder.answer(async () => ({ status: 503, bytes: Buffer.alloc(0) }));
    const first = await renew();
    expect(first.renewals).toMatchObject([{ result: 'not-due' }]);
    expect(first.failures.size).toBe(0);
    expect(told).toContainEqual(expect.objectContaining({ type: 'revocation-unclear', version: 1, because: expect.stringContaining('status 503') }));

    aheadMs = 20 * HOUR_MS;
    responder.answer(async (request) => ({ bytes: await responder.respond(request) }));
    await within((certkit) => certkit.hold(NAME, { what: 'both' }));
    await renew();
    aheadMs = 60 * HOUR_MS;
    responder.answer(async () => ({ bytes: Buffer.from('garbage') }));
    await renew();
    expect(known()).toMatchObject([{ answer: { status: 'revoked' }, because: expect.stringContaining('cannot be read') }]);
    await within((certkit) => certkit.release(NAME));
    expect((await renew()).deployments).toMatchObject([{ result: 'deployed', version: 2 }]);
  });
});
