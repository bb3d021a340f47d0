/** One DER element (ITU-T X.690): its tag, and where its content stands. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** The elements that stand one after the other in a stretch of bytes; throws a RangeError where there are none. */
export function elementsIn(bytes: Uint8Array, from = 0, to = bytes.length): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let at = from; at < to; ) {
    const element = elementAt(bytes, at, to);
    elements.push(element);
    at = element.end;
  }
  return elements;
}

function elementAt(bytes: Uint8Array, at: number, to: number): DerElement {
  const tag = bytes[at] as number;
  const first = bytes[at + 1];
  if (first === undefined) throw new RangeError('an element is cut off');
  const octets = first < 0x80 ? 0 : first & 0x7f;
  let length = octets === 0 ? first : 0;
  for (let octet = 0; octet < octets; octet++) length = length * 256 + (bytes[at + 2 + octet] ?? 0);
  const start = at + 2 + octets;
  if (octets > 4 || start + length > to) throw new RangeError('an element is longer than what holds it');
  return { tag, start, end: start + length };
}
