import { isIP } from 'node:net';

/** Whether a host, as a URL names it, is this machine itself: what is sent there needs no TLS. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
