// DER (ITU-T X.690), as much of it as certificates and requests for them need.

const SHORT_LENGTH = 0x80;

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < SHORT_LENGTH) return Buffer.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.of(SHORT_LENGTH + octets.length, ...octets);
}

export const sequence = (...items: readonly Uint8Array[]) => element(0x30, ...items);
export const set = (...items: readonly Uint8Array[]) => element(0x31, ...items);
export const octetString = (bytes: Uint8Array) => element(0x04, bytes);
export const smallInteger = (value: number) => element(0x02, Buffer.of(value));
export const nothing = () => element(0x05);
/** A constructed, context-specific tag. */
export const tagged = (number: number, ...items: readonly Uint8Array[]) => element(0xa0 + number, ...items);
/** A primitive, context-specific tag in place of the type's own. */
export const implicit = (number: number, content: Uint8Array) => element(0x80 + number, content);
/** Of whole octets. */
export const bitString = (bytes: Uint8Array) => element(0x03, Buffer.of(0), bytes);

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}
