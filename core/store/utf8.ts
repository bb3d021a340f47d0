import { fault } from '../errors.ts';

const NEWLINE = 0x0a;

/**
 * The text of a file that people write. Its bytes come back when it is encoded again, a byte order mark included.
 *
 * @throws STORE_UNREADABLE with the line of the first byte that is no UTF-8: written back it would be another one
 */
export function utf8Of(path: string, bytes: Uint8Array): string {
  try {
    return decoded(bytes);
  } catch (thrown) {
    const line = lineOfFault(bytes);
    throw fault('STORE_UNREADABLE', { path, line, because: 'it is not UTF-8 text; save it in that encoding' }, thrown);
  }
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** No character of UTF-8 has the byte of a line end in it, so lines can be read one by one. */
function lineOfFault(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    try {
      decoded(bytes.subarray(start, end));
    } catch {
      break;
    }
    start = end + 1;
  }
  return line;
}
