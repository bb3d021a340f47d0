import { X509Certificate } from 'node:crypto';
import type { Acme, AcmeSession } from './acme/session.ts';
import { asCertkitError, fault } from './errors.ts';
import type { CertificateAuthority } from './flows/needs.ts';
import type { Authority } from './model/lineage.ts';
import type { Clock, Files, Log, Random } from './ports.ts';
import type { Store } from './store/store.ts';

interface AuthorityNeeds {
  readonly store: Store;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly proxy?: string;
  /** Whether the person agrees to the CA's terms of service; told where they are. */
  agreeToTerms(message: string): Promise<boolean>;
}

/** The CA, loaded when it is first asked; one session for each directory. */
export function createCertificateAuthority({
  store,
  files,
  clock,
  random,
  log,
  version,
  proxy,
  agreeToTerms,
}: AuthorityNeeds): CertificateAuthority & { close(): void } {
  const sessions = new Map<string, Promise<AcmeSession>>();
  let acme: Promise<Acme> | undefined;
  let opened: Acme | undefined;

  const load = async () => {
    const { createAcme } = await import('./acme/session.ts');
    opened = createAcme({ clock, random, log, version, ...(proxy === undefined ? {} : { proxy }) });
    return opened;
  };
  const keys = () => import('./acme/keys.ts');
  const addressOf = async ({ directory, bundle }: Authority) => {
    const bundlePem = bundle === undefined ? undefined : await files.read(bundle);
    if (bundle !== undefined && bundlePem === undefined) throw fault('STORE_UNREADABLE', { path: bundle, because: 'the CA bundle is not there' });
    return { directory, ...(bundlePem === undefined ? {} : { bundlePem: Buffer.from(bundlePem).toString('utf8') }) };
  };
  const certificateId = async (certificatePem: string) => {
    const { certificateId: idOf } = await import('./acme/certificate-id.ts');
    return idOf(new X509Certificate(certificatePem).raw);
  };

  async function open(authority: Authority, signal: AbortSignal): Promise<AcmeSession> {
    const { directory, email } = authority;
    acme ??= load();
    const at = await addressOf(authority);
    // Two runs that meet a CA for the first time at once make one account.
    return store.withServerLock(`account ${directory}`, async () => {
      const kept = await store.account(authority);
      const keyPem = kept?.keyPem ?? (await (await keys()).createKeyPem('ecdsa-p256'));
      if (kept === undefined) await store.saveAccount(authority, { keyPem });
      const attempt = async (termsAgreed: boolean) =>
        (await (acme as Promise<Acme>)).open(
          at,
          { keyPem, ...(kept?.url === undefined ? {} : { url: kept.url }) },
          {
            agreeToTerms: termsAgreed,
            signal,
            onRegistered: (url) => store.saveAccount(authority, { keyPem, url, termsAgreed }),
            ...(email === undefined ? {} : { email }),
          },
        );
      return attempt(kept?.termsAgreed === true).catch(async (thrown: unknown) => {
        const error = asCertkitError(thrown);
        if (error.code !== 'ACME_TERMS' || !(await agreeToTerms(error.message))) throw error;
        // Remembered before the CA is told: a run cut off here does not need the person again.
        await store.saveAccount(authority, { keyPem, termsAgreed: true });
        return attempt(true);
      });
    });
  }

  return {
    load: async () => {
      acme ??= load();
      await (await acme).load();
    },
    session(authority, signal) {
      const key = `${authority.directory} ${authority.bundle ?? ''}`;
      const known = sessions.get(key) ?? open(authority, signal);
      sessions.set(key, known);
      // A CA that could not be reached for one lineage may be there for the next.
      known.catch(() => sessions.delete(key));
      return known;
    },
    createKeyPem: async (algorithm) => (await keys()).createKeyPem(algorithm),
    createCsr: async (identifiers, keyPem) => (await keys()).createCsr(identifiers, keyPem),
    readIssued: async (request) => (await import('./acme/chain.ts')).readIssued(request),
    async reach(authority, signal) {
      acme ??= load();
      await (await acme).reach(await addressOf(authority), signal);
    },
    async renewalInfo(authority, certificatePem, signal) {
      acme ??= load();
      const id = await certificateId(certificatePem);
      return id === undefined ? undefined : (await acme).renewalInfo(await addressOf(authority), id, signal);
    },
    certificateId,
    async revocation(question, signal) {
      const { askRevocation } = await import('./acme/revocation.ts');
      return askRevocation(question, { nowMs: clock.nowMs(), signal });
    },
    close: () => opened?.close(),
  };
}
