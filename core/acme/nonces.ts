/** Nonces of one CA, each good for one request (RFC 8555 section 6.5). */
export interface NoncePool {
  /** Keeps what a reply brought; anything that is no nonce is ignored, as section 6.5.1 asks. */
  add(nonce: unknown): void;
  /** The youngest first: it is the least likely to have expired. */
  take(): string | undefined;
}

const NONCE = /^[A-Za-z0-9_-]{1,512}$/;
const MAX_HELD = 64;

export function isNonce(value: unknown): value is string {
  return typeof value === 'string' && NONCE.test(value);
}

export function createNoncePool(): NoncePool {
  const held: string[] = [];
  return {
    add(nonce) {
      if (!isNonce(nonce)) return;
      held.push(nonce);
      if (held.length > MAX_HELD) held.shift();
    },
    take: () => held.pop(),
  };
}
