const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'; // RFC 4648 section 6, in lower case
const BITS = 5;

/** Base32 in lower case, of a number of bytes that needs no padding. */
export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: bits.length / BITS }, (_, index) => ALPHABET[Number.parseInt(bits.slice(index * BITS, (index + 1) * BITS), 2)]).join('');
}
