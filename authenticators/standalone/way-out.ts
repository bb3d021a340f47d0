import type { PortHolder } from './port-holder.ts';

/** What a person can do, by the program that has the port. The first row that fits counts. */
const WAYS_OUT: readonly (readonly [RegExp, string])[] = [
  [/^(nginx|freenginx|angie|openresty|tengine)$/, 'Have it answer: --authenticator nginx.'],
  [
    /^(apache2|httpd)$/,
    'Have it serve the proofs: --authenticator webroot --webroot-root DIRECTORY, with the DocumentRoot of the site ("apachectl -S" names the file that sets it).',
  ],
  [/^(certkit|certbot|lego)$/, 'It proves names itself at the moment: try again when it is done.'],
  [/^systemd$/, 'It holds the port for a socket unit, which "systemctl list-sockets" names: stop that one for the moment.'],
  [
    /^(docker-proxy|rootlessport|conmon|slirp4netns|pasta.*)$/,
    'A container is reached through it: --authenticator webroot --webroot-root DIRECTORY, with a directory that the server in the container serves.',
  ],
  [
    /^(haproxy|varnishd|traefik|envoy|squid|hitch|stunnel\d?|sslh)$/,
    'Have it lead here what the CA asks, as docs/authenticators.md shows: --standalone-address 127.0.0.1, with --standalone-port or --standalone-tls-port.',
  ],
];

const OTHERS =
  'Stop it for the moment (a pre hook can, and a post hook start it again), or if it is a web server, use its root: --authenticator webroot --webroot-root DIRECTORY.';

export function wayOut(holder: PortHolder | undefined): string {
  if (holder === undefined) return OTHERS;
  if ('user' in holder) return `Run as root to see which program it is. ${OTHERS}`;
  return WAYS_OUT.find(([programs]) => programs.test(holder.program))?.[1] ?? OTHERS;
}
