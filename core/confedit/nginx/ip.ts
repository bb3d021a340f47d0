/** The address as it is written shortest (RFC 5952), so that equal addresses are equal text; `undefined` for what is no address. Takes no brackets. */
export function canonicalIp(text: string): string | undefined {
  return text.includes(':') ? canonicalIp6(text) : canonicalIp4(text);
}

export function isIp6(address: string): boolean {
  return address.includes(':');
}

function canonicalIp4(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,10}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number).join('.');
}

function canonicalIp6(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return shortest([...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])]);
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const ip4 = at === parts.length - 1 ? canonicalIp4(part) : undefined;
      if (ip4 === undefined) return undefined;
      const [a, b, c, d] = ip4.split('.').map(Number) as [number, number, number, number];
      groups.push(a * 256 + b, c * 256 + d);
    }
  }
  return groups;
}

/** The longest run of two zero groups or more, the first of equals, becomes `::`. */
function shortest(groups: readonly number[]): string {
  let start = 0;
  let length = 0;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  const hex = groups.map((group) => group.toString(16));
  return length < 2 ? hex.join(':') : `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
