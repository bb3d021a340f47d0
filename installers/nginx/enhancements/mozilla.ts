import { isAtLeast } from '../build.ts';

export type Profile = 'modern' | 'intermediate';

export const PROFILES: readonly Profile[] = ['modern', 'intermediate'];

/** Of Mozilla's Server Side TLS guidelines, the one that the values here are from (2023-05-15). */
export const GUIDELINE = '5.7';

const CURVES = 'X25519:prime256v1:secp384r1';

/** Of the DHE ones none is offered while there is no `ssl_dhparam`. */
const INTERMEDIATE_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
].join(':');

/** The word `TLSv1.3`; builds of that age and newer also have an OpenSSL with X25519. */
export function hasTls13(version: string | undefined): boolean {
  return isAtLeast(version, '1.13.0');
}

/**
 * A profile as directives, each by its name and value. Only `ssl_ciphers` is for TLS 1.2; the suites of TLS 1.3 are OpenSSL's own.
 *
 * @param version - of nginx; without TLS 1.3 there is no modern profile
 */
export function directivesOf(profile: Profile, version: string | undefined): readonly (readonly [name: string, value: string])[] {
  const isRecent = hasTls13(version);
  const curves: [string, string][] = isRecent ? [['ssl_ecdh_curve', CURVES]] : [];
  switch (profile) {
    case 'modern':
      return [['ssl_protocols', 'TLSv1.3'], ['ssl_prefer_server_ciphers', 'off'], ...curves];
    case 'intermediate':
      return [
        ['ssl_protocols', isRecent ? 'TLSv1.2 TLSv1.3' : 'TLSv1.2'],
        ['ssl_ciphers', INTERMEDIATE_CIPHERS],
        ['ssl_prefer_server_ciphers', 'off'],
        ...curves,
      ];
  }
}
