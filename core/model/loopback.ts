/** Whether a host, as `URL` writes it, is this machine itself: what is sent there needs no TLS. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
