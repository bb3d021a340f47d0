import { boolean, command, directory, file, integer, port, text } from 'certkit/options';
import { type OptionsOf, pluginFault } from 'certkit/plugin';
import { PROFILES } from './enhancements/mozilla.ts';
import type { EnhancementOptions } from './enhancements.ts';

/** Which nginx of this machine is meant. */
export const stockChoice = {
  binary: file('The nginx program; found by itself when not given'),
  conf: file('The main configuration file, where several nginx run'),
};

/** The same for one in a prefix of its own, and how it is run. */
export const customChoice = {
  root: directory('The directory that holds nginx.conf or conf/nginx.conf'),
  binary: file('The nginx program'),
  prefix: directory('The prefix it runs with (-p)'),
  conf: file('The main configuration file (-c)'),
  pid: file('The file with the process number of the running server'),
  'test-command': command('The program that tests the configuration, in place of "nginx -t"'),
  'reload-command': command('The program that reloads the server, in place of the service manager or "nginx -s reload"'),
};

/** What an installer may do to a site beside its certificate. */
export const siteChoice = {
  'tls-port': port('The port at which a site without TLS is to get it', { default: 443 }),
  redirect: boolean('Send http to https for the names of the certificate; ACME challenges stay reachable'),
  hsts: integer('Tell browsers to use https alone for so many seconds (max-age of Strict-Transport-Security); without includeSubDomains and preload'),
  'tls-profile': text("Mozilla's choice of TLS versions and ciphers: modern (TLS 1.3 alone) or intermediate"),
};

/** @throws PLUGIN_OPTION_INVALID for a value that its type allows and its meaning does not */
export function readSiteChoice(plugin: string, options: OptionsOf<typeof siteChoice>): EnhancementOptions {
  const { redirect = false, hsts, 'tls-profile': wanted, 'tls-port': tlsPort } = options;
  if (hsts !== undefined && hsts < 0) {
    throw pluginFault('PLUGIN_OPTION_INVALID', `The option "hsts" of ${plugin} is not a number of seconds: it is negative`, 'One year is 31536000.');
  }
  const tlsProfile = PROFILES.find((profile) => profile === wanted);
  if (wanted !== undefined && tlsProfile === undefined) {
    throw pluginFault(
      'PLUGIN_OPTION_INVALID',
      `The option "tls-profile" of ${plugin} is neither of ${PROFILES.join(' and ')}`,
      'Choose one of them, or leave it out.',
    );
  }
  return { redirect, hsts, tlsProfile, tlsPort };
}
