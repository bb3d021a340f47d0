import { type Parsed, parseIdentifier } from './identifier.ts';

const HIGHEST_PORT = 65_535;

/** Reads the address of a DNS server: `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`. */
export function parseDnsServer(written: string): Parsed<string> {
  const [, bracketed, plain = written, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(written) ?? [];
  const address = parseIdentifier(bracketed ?? plain);
  const isAddress = address.ok && address.value.kind === 'ip' && (bracketed === undefined || bracketed.includes(':'));
  const isPort = port === undefined || (Number(port) > 0 && Number(port) <= HIGHEST_PORT);
  if (isAddress && isPort) return { ok: true, value: written.toLowerCase() };
  return { ok: false, because: `"${written}" is no address of a DNS server; write it as 192.0.2.53, 192.0.2.53:5353 or "[2001:db8::53]:5353"` };
}
