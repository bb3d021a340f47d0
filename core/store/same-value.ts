/** The order of members does not count; that of lists does. */
export function sameValue(a: unknown, b: unknown): boolean {
  const ordered = (_: string, value: unknown) => (isMapping(value) ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1))) : value);
  return JSON.stringify(a, ordered) === JSON.stringify(b, ordered);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
