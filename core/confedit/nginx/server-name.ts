import { utf8OfLatin1 } from '../splice.ts';
import { translatePcre } from './regex.ts';
import type { Directive } from './tree.ts';

/** One name of a server. `text` is as nginx compares it: lower-case, but for patterns. */
export type ServerName =
  /** `example.com`; '' matches requests that name no host. */
  | { readonly kind: 'exact'; readonly text: string }
  /** `*.example.com`, and `.example.com`, which is `example.com` too: `bare`. `suffix` is `example.com`. */
  | { readonly kind: 'leading'; readonly text: string; readonly suffix: string; readonly bare: boolean }
  /** `www.example.*`; `stem` is `www.example`. */
  | { readonly kind: 'trailing'; readonly text: string; readonly stem: string }
  /** `~^www\d+\.`; `regex` is absent where JavaScript may not read it as PCRE does. */
  | { readonly kind: 'regex'; readonly text: string; readonly regex: RegExp | undefined }
  /** What nginx would refuse: `*.*.example`, `a*.example`. */
  | { readonly kind: 'invalid'; readonly text: string };

/**
 * The names of one `server_name` directive.
 *
 * @param hostname - what `$hostname` stands for, lower-case
 */
export function parseServerNames(directive: Directive, hostname: string): ServerName[] {
  return directive.args.map((arg) => parseServerName(arg, hostname));
}

// ngx_http_core_server_name and, for what a wildcard is, ngx_hash_add_key.
export function parseServerName(arg: string, hostname: string): ServerName {
  if (arg.startsWith('~')) {
    const pattern = arg.slice(1);
    if (pattern === '') return { kind: 'invalid', text: arg };
    return { kind: 'regex', text: utf8OfLatin1(arg), regex: translatePcre(pattern, /[A-Z]/.test(pattern)) };
  }
  const name = lowerCase(arg.toLowerCase() === '$hostname' ? hostname : arg);
  const text = utf8OfLatin1(name);
  if (name.includes('..') || name.indexOf('*') !== name.lastIndexOf('*')) return { kind: 'invalid', text };
  if (name.startsWith('.') && name.length > 1)
    return name.includes('*') ? { kind: 'invalid', text } : { kind: 'leading', text, suffix: text.slice(1), bare: true };
  if (name.startsWith('*.') && name.length > 2) return { kind: 'leading', text, suffix: text.slice(2), bare: false };
  if (name.endsWith('.*') && name.length > 2) return { kind: 'trailing', text, stem: text.slice(0, -2) };
  return name.includes('*') || name === '.' ? { kind: 'invalid', text } : { kind: 'exact', text };
}

/** Of ASCII alone, as nginx has it. */
function lowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()) : text;
}

/** A host as nginx looks it up: lower-case, without the dot of a full name. */
export function lookupName(host: string): string {
  const lower = host.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
