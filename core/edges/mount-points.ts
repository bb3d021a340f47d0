import { readFile } from 'node:fs/promises';

const MOUNT_POINT_FIELD = 4; // proc_pid_mountinfo(5), counted from 0

/** Whether a real path is itself a mount point, as a bind-mounted file is. */
export async function isMountPoint(realPath: string): Promise<boolean> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.some((line) => unescaped(line.split(' ')[MOUNT_POINT_FIELD] ?? '') === realPath);
}

/** The kernel writes space, tab, newline and backslash as `\ooo`. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
