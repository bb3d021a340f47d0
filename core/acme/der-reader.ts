/** One DER element (ITU-T X.690). Its parts are views of the bytes it was read from. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

/** The elements that stand one after the other in a stretch of bytes; a RangeError where there are none. */
export function* eachElement(bytes: Uint8Array): Generator<DerElement, void> {
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    yield element;
    at += element.whole.length;
  }
}

export const elementsIn = (bytes: Uint8Array): readonly DerElement[] => [...eachElement(bytes)];

/** The one element that the bytes are, from the first to the last. */
export function soleElement(bytes: Uint8Array): DerElement {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new RangeError('something follows the element');
  return element;
}

function elementAt(bytes: Uint8Array, at: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new RangeError('an element is cut off');
  const octets = first < 0x80 ? 0 : first & 0x7f;
  // 0x80, a length that is not told, is of BER and not of DER.
  if (first === 0x80 || octets > 4) throw new RangeError('an element has no length that DER knows');
  let length = octets === 0 ? first : 0;
  for (let octet = 0; octet < octets; octet++) length = length * 256 + (bytes[at + 2 + octet] ?? 0);
  const start = at + 2 + octets;
  if (start + length > bytes.length) throw new RangeError('an element is longer than what holds it');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}
