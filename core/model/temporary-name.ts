const PID_DIGITS = 8; // the kernel's limit, 2^22, takes six
const TEMPORARY = /^\.(.+)\.certkit-([0-9a-f]+)$/;

/** What a file or folder in the making is called (docs/store.md). The hex begins with its maker's pid, so that it can be told whether anybody still works on it. */
export function temporaryName(base: string, pid: number, randomHex: string): string {
  return `.${base}.certkit-${pid.toString(16).padStart(PID_DIGITS, '0')}${randomHex}`;
}

/** For whom something is in the making, and by which process; `undefined` for any other name. */
export function parseTemporaryName(name: string): { readonly base: string; readonly pid: number } | undefined {
  const [, base, hex] = TEMPORARY.exec(name) ?? [];
  return base === undefined || hex === undefined ? undefined : { base, pid: Number.parseInt(hex.slice(0, PID_DIGITS), 16) };
}
