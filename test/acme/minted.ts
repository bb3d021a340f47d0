import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bitString, element, implicit, objectIdentifier, octetString, sequence, set, smallInteger, tagged } from '../../core/acme/der.ts';
import { ipBytes } from '../../core/acme/ip-bytes.ts';

export interface Minted {
  readonly pem: string;
  readonly name: string;
  readonly key: KeyObject;
  readonly keyPem: string;
}

export interface MintOptions {
  readonly name: string;
  /** Absent: self-signed. */
  readonly issuer?: Minted;
  readonly ca?: boolean;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly keyPem?: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const ECDSA_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const YES = element(0x01, Buffer.of(0xff));
const distinguished = (name: string) => sequence(set(sequence(objectIdentifier('2.5.4.3'), element(0x0c, Buffer.from(name)))));
const generalizedTime = (ms: number) => element(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')));

/** A real certificate, signed by `issuer`: what a CA that does its work well or badly could have sent. */
export function mint({ name, issuer, ca = false, dns = [], ip = [], keyPem, notBeforeMs, notAfterMs }: MintOptions): Minted {
  const key = keyPem === undefined ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : createPrivateKey(keyPem);
  const names = [...dns.map((one) => implicit(2, Buffer.from(one))), ...ip.map((one) => implicit(7, ipBytes(one)))];
  const extensions = [
    sequence(objectIdentifier('2.5.29.19'), YES, octetString(ca ? sequence(YES) : sequence())), // basicConstraints
    ...(names.length === 0 ? [] : [sequence(objectIdentifier('2.5.29.17'), octetString(sequence(...names)))]), // subjectAltName
  ];
  const body = sequence(
    tagged(0, smallInteger(2)),
    element(0x02, Buffer.concat([Buffer.of(0x5a), randomBytes(8)])),
    ECDSA_SHA256,
    distinguished(issuer?.name ?? name),
    sequence(generalizedTime(notBeforeMs), generalizedTime(notAfterMs)),
    distinguished(name),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions)),
  );
  const certificate = sequence(body, ECDSA_SHA256, bitString(sign('sha256', body, issuer?.key ?? key)));
  const base64 = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    pem: `-----BEGIN CERTIFICATE-----\n${base64.join('\n')}\n-----END CERTIFICATE-----\n`,
    name,
    key,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
