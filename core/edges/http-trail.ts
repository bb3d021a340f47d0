import { isIP } from 'node:net';
import { scopeOf, WORLD } from './address-scope.ts';
import { exchange, hostOf, portOf } from './http-exchange.ts';
import type { Answer } from './http-get.ts';

/** A request on the way, and who was asked. */
export interface Step {
  readonly url: string;
  /** `192.0.2.1:80`, `[2001:db8::1]:80` */
  readonly asked: string;
}

/** Where asking led, redirects followed. */
export interface Trail {
  /** The requests, in order; never none. */
  readonly steps: readonly Step[];
  readonly end:
    | Answer
    /** The last step leads to one before it. */
    | { readonly kind: 'loop' }
    /** A redirect that no CA follows. */
    | { readonly kind: 'astray'; readonly because: string }
    /** A redirect that cannot be followed from here. */
    | { readonly kind: 'lost'; readonly because: string };
}

export type Addresses = readonly string[] | { readonly because: string };

export interface TrailNeeds {
  /** Addresses of a host that is redirected to, best first and never none; or why there are none. */
  addresses(host: string): Promise<Addresses>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Baseline Requirements of the CA/Browser Forum, section 3.2.2.4.19: the redirects that a CA may follow. */
const FOLLOWED: readonly number[] = [301, 302, 307, 308];
const REDIRECTS_AT_MOST = 10; // as Let's Encrypt
const PORTS_OF_CAS: readonly number[] = [80, 443];

/**
 * Asks one address, and follows redirects the way a CA does: http and https alone, to the ports that it goes to, not from a
 * name to an IP address. A CA for tests, which asks elsewhere than at port 80, follows to any port.
 *
 * Whoever answers chooses where it goes next. So nobody is asked but in the world, or in the scope of the first address: a
 * site of the world leads to no service of this machine or its network, where no CA could go, and one that is found on this
 * machine to none of its link, where a cloud tells its machines their secrets.
 */
export async function follow(first: URL, address: string, { addresses, timeoutMs, signal }: TrailNeeds): Promise<Trail> {
  const steps: Step[] = [];
  let url = first;
  let candidates: readonly string[] = [address];
  for (;;) {
    const { answer, asked } = await askFirst(candidates, { url, timeoutMs, signal });
    steps.push({ url: url.href, asked: socketAddress(asked, url) });
    if (answer.kind !== 'reply' || answer.status < 300 || answer.status > 399 || answer.location === undefined) return { steps, end: answer };

    const astray = (because: string): Trail => ({ steps, end: { kind: 'astray', because } });
    const lost = (because: string): Trail => ({ steps, end: { kind: 'lost', because } });
    if (!FOLLOWED.includes(answer.status)) return astray(`a redirect with status ${answer.status}, which CAs do not follow`);
    if (!URL.canParse(answer.location, url.href)) return astray('a redirect to something that is no URL');
    const next = new URL(answer.location, url);
    next.hash = '';
    const to = `a redirect to ${shortened(next.href)}`;
    const rule = ruleAgainst(first, next);
    if (rule !== undefined) return astray(`${to}; ${rule}`);
    if (steps.some(({ url: seen }) => seen === next.href))
      return { steps: [...steps, { url: next.href, asked: socketAddress(asked, next) }], end: { kind: 'loop' } };
    if (steps.length > REDIRECTS_AT_MOST) return astray(`more than ${REDIRECTS_AT_MOST} redirects one after the other`);

    if (hostOf(next) === hostOf(url)) candidates = [asked];
    else {
      const found = await addresses(hostOf(next));
      if ('because' in found) return lost(`${to}; ${found.because}`);
      const near = found.find((one) => ![WORLD, scopeOf(address)].includes(scopeOf(one)));
      if (near !== undefined) return lost(`${to}, which leads from here to ${near}, where no CA can go`);
      candidates = found;
    }
    url = next;
  }
}

/** The rule by which a CA that asked at `first` does not follow to `next`. */
export function ruleAgainst(first: URL, next: URL): string | undefined {
  if (next.protocol !== 'http:' && next.protocol !== 'https:') return 'CAs follow to http and https alone';
  if (isIP(hostOf(first)) === 0 && isIP(hostOf(next)) !== 0) return 'CAs follow to names, not to IP addresses';
  if (portOf(first) === 80 && !PORTS_OF_CAS.includes(portOf(next))) return 'CAs follow to the ports 80 and 443 alone';
  return undefined;
}

/** Texts that others wrote are shown within limits. */
export const shortened = (text: string, length = 120): string => (text.length > length ? `${text.slice(0, length)}...` : text);

/** The next address is asked where the one before it is silent. */
async function askFirst(
  [address = '', ...others]: readonly string[],
  question: Omit<Parameters<typeof exchange>[0], 'address'>,
): Promise<{ readonly answer: Answer; readonly asked: string }> {
  const answer = await exchange({ ...question, address });
  return answer.kind === 'silent' && others.length > 0 ? askFirst(others, question) : { answer, asked: address };
}

const socketAddress = (address: string, url: URL): string => `${isIP(address) === 6 ? `[${address}]` : address}:${portOf(url)}`;
