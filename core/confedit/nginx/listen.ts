import { utf8OfLatin1 } from '../splice.ts';
import { canonicalIp } from './ip.ts';
import type { Directive } from './tree.ts';

/** One listen address of a server; a port range makes one for each port. */
export type Listen = ListenAddress & ListenOptions;

export type ListenAddress =
  /** Without brackets and in its shortest form; `0.0.0.0` and `::` are the wildcards. */
  | { readonly kind: 'ip'; readonly address: string; readonly port: number }
  /** A host name, which nginx resolves when it starts. */
  | { readonly kind: 'host'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  /** What nginx would refuse. */
  | { readonly kind: 'invalid'; readonly text: string };

export interface ListenOptions {
  /** `undefined` for the listen that a server without any has. */
  readonly directive: Directive | undefined;
  readonly defaultServer: boolean;
  /** As said here; another listen of the same address may say so for all of them. */
  readonly ssl: boolean;
  readonly http2: boolean;
  readonly quic: boolean;
  readonly proxyProtocol: boolean;
  /** IPv6 sockets take IPv4 connections too where this is false. */
  readonly ipv6only: boolean;
  /** What may be set once for an address, as written: `reuseport`, `backlog=511`, `bind`, `ipv6only=on`. */
  readonly socketOptions: readonly string[];
}

const FLAGS = new Set(['default_server', 'default', 'ssl', 'http2', 'http3', 'quic', 'spdy', 'proxy_protocol']);
const DEFAULT_PORT = 80;

/** The listen of a server that has none: port 80 as root, else 8000. */
export function impliedListen(startedByRoot: boolean): Listen {
  return { kind: 'ip', address: '0.0.0.0', port: startedByRoot ? 80 : 8000, ...optionsOf(undefined, []) };
}

export function parseListen(directive: Directive): Listen[] {
  const [text = '', ...words] = directive.args;
  const options = optionsOf(directive, words);
  return addressesOf(text).map((address) => ({ ...options, ...address }));
}

/** The same for listens that nginx puts on one socket. */
export function addressKey(address: ListenAddress): string {
  switch (address.kind) {
    case 'ip':
      return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
    case 'host':
      return `${address.host}:${address.port}`;
    case 'unix':
      return `unix:${address.path}`;
    case 'invalid':
      return address.text;
  }
}

function optionsOf(directive: Directive | undefined, words: readonly string[]): ListenOptions {
  return {
    directive,
    defaultServer: words.includes('default_server') || words.includes('default'),
    ssl: words.includes('ssl'),
    http2: words.includes('http2'),
    quic: words.includes('quic') || words.includes('http3'),
    proxyProtocol: words.includes('proxy_protocol'),
    ipv6only: !words.includes('ipv6only=off'),
    socketOptions: words.filter((word) => !FLAGS.has(word)),
  };
}

// ngx_parse_url with `listen` set and 80 as the default port.
function addressesOf(text: string): ListenAddress[] {
  const invalid: ListenAddress[] = [{ kind: 'invalid', text }];
  if (/^unix:/i.test(text)) return text.length > 5 ? [{ kind: 'unix', path: utf8OfLatin1(text.slice(5)) }] : invalid;

  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text);
  if (bracketed !== null) {
    const address = canonicalIp(bracketed[1] as string);
    if (address === undefined || !address.includes(':')) return invalid;
    return portsOf(bracketed[2])?.map((port) => ({ kind: 'ip', address, port })) ?? invalid;
  }
  if (/[/?[]/.test(text) || text === '') return invalid;

  const colon = text.indexOf(':');
  if (colon === -1 && /^\d+(-\d+)?$/.test(text)) return portsOf(text)?.map((port) => ({ kind: 'ip', address: '0.0.0.0', port })) ?? invalid;
  const host = colon === -1 ? text : text.slice(0, colon);
  const ports = portsOf(colon === -1 ? undefined : text.slice(colon + 1));
  if (ports === undefined || host === '') return invalid;
  const address = host === '*' ? '0.0.0.0' : canonicalIp(host);
  return ports.map((port) => (address === undefined ? { kind: 'host', host: host.toLowerCase(), port } : { kind: 'ip', address, port }));
}

function portsOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return [DEFAULT_PORT];
  const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text);
  if (range === null) return undefined;
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  if (first < 1 || last > 65535 || first > last) return undefined;
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
