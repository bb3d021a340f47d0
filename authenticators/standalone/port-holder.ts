import type { PluginFiles } from 'certkit/plugin';

export interface PortHolder {
  readonly pid: number;
  readonly program: string;
}

const LISTENING = '0A'; // TCP_LISTEN, as /proc/net/tcp prints it (proc_pid_net(5))

/** Who listens on a TCP port of this machine, as far as this user may see; other users' processes hide their sockets. */
export async function holderOfPort(port: number, files: PluginFiles): Promise<PortHolder | undefined> {
  const inodes = (await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((table) => socketsOn(port, table, files)))).flat();
  if (inodes.length === 0) return undefined;
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));

  const pids = ((await files.list('/proc').catch(() => undefined)) ?? []).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsOne(pid, wanted, files))) continue;
    const name = await textOf(`/proc/${pid}/comm`, files);
    return { pid: Number(pid), program: name.trim() || 'a program' };
  }
  return undefined;
}

async function socketsOn(port: number, table: string, files: PluginFiles): Promise<readonly string[]> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await textOf(table, files)).split('\n').map((row) => row.trim().split(/\s+/));
  return rows.flatMap(([, local, , state, , , , , , inode]) => (state === LISTENING && local?.endsWith(wanted) && inode !== undefined ? [inode] : []));
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>, files: PluginFiles): Promise<boolean> {
  const descriptors = (await files.list(`/proc/${pid}/fd`).catch(() => undefined)) ?? [];
  for (const descriptor of descriptors) {
    const target = await files.readLink(`/proc/${pid}/fd/${descriptor}`).catch(() => undefined);
    if (target !== undefined && sockets.has(target)) return true;
  }
  return false;
}

/** A process may end while it is looked at, and some files are not ours to read: then there is nothing. */
async function textOf(path: string, files: PluginFiles): Promise<string> {
  const bytes = await files.read(path).catch(() => undefined);
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
