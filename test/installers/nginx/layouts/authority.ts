import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyType } from '../../../../core/model/lineage.ts';
import { mint } from '../../../acme/minted.ts';
import type { Certificate } from './layout.ts';

const DAY_MS = 86_400_000;
const VALID = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + 90 * DAY_MS };

/** A lineage that has a version and is not live. */
export interface Held {
  readonly name: string;
  readonly names: readonly string[];
  /** By key type, the SHA-256 of the leaf. */
  readonly leaves: ReadonlyMap<KeyType, string>;
}

/** A CA of the tests' own. */
export function createAuthority() {
  const issuer = mint({ name: 'Layouts CA', ca: true, ...VALID });
  // The slow part of an RSA certificate; which key it is says nothing here.
  const rsaKeyPem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

  const issue = (names: readonly string[], keyType: KeyType) => {
    const leaf = mint({
      name: names[0] ?? '',
      issuer,
      dns: names.filter(isHost),
      ip: names.filter((name) => !isHost(name)),
      ...VALID,
      ...(keyType === 'rsa' && { keyPem: rsaKeyPem }),
    });
    const certificate = new X509Certificate(leaf.pem);
    return {
      serial: certificate.serialNumber.toLowerCase(),
      leafSha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      pems: { 'cert.pem': leaf.pem, 'chain.pem': issuer.pem, 'fullchain.pem': leaf.pem + issuer.pem, 'privkey.pem': leaf.keyPem },
    };
  };

  return {
    /** Writes a home as docs/store.md has it, with a lineage and its version 1 for each certificate. */
    furnish(home: string, certificates: readonly Certificate[], installer: Readonly<Record<string, unknown>>): readonly Held[] {
      for (const folder of ['', 'lineages', 'archive', 'live']) mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });
      write(join(home, 'certkit.yaml'), { ca: 'https://ca.test/directory', deploy_before: 'immediately', probe_timeout: '5 s' });
      return certificates.map(({ names, keys = ['ecdsa'] }) => {
        const [first = ''] = names;
        const name = first.replace('*.', '_wildcard.');
        write(join(home, 'lineages', `${name}.yaml`), {
          identifiers: names,
          keys: keys.map((keyType) => ALGORITHMS[keyType]),
          authenticator: { plugin: 'webroot', root: '/srv/www' },
          installers: [installer],
        });
        const version = join(home, 'archive', name, '0001');
        const leaves = new Map<KeyType, string>();
        const sets = keys.map((keyType) => {
          const folder = keys.length === 1 ? '.' : keyType;
          const { serial, leafSha256, pems } = issue(names, keyType);
          mkdirSync(join(version, folder), { recursive: true, mode: 0o700 });
          for (const [file, pem] of Object.entries(pems)) writeFileSync(join(version, folder, file), pem, { mode: 0o600 });
          leaves.set(keyType, leafSha256);
          return { keyType, algorithm: ALGORITHMS[keyType], folder, serial, leafSha256, ...VALID };
        });
        write(join(version, 'version.json'), {
          format: 1,
          number: 1,
          identifiers: names,
          ca: 'https://ca.test/directory',
          issuedAtMs: VALID.notBeforeMs,
          sets,
        });
        return { name, names, leaves };
      });
    },
  };
}

export type Authority = ReturnType<typeof createAuthority>;

const ALGORITHMS = { ecdsa: 'ecdsa-p256', rsa: 'rsa-2048' } as const;

export const isHost = (name: string): boolean => !/^[\d.]+$|:/.test(name);

const write = (path: string, content: object): void => writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
