import type { PluginFiles } from 'certkit/plugin';

/** Who listens on a port: a process, or a user alone where their processes hide their sockets from this one. */
export type PortHolder = { readonly pid: number; readonly program: string; readonly unit?: string } | { readonly user: string };

const LISTENING = '0A'; // TCP_LISTEN, as /proc/net/tcp prints it (proc_pid_net(5))

interface Socket {
  readonly inode: string;
  readonly uid: string;
}

/** Who listens on a TCP port of this machine, as far as the kernel tells this user. */
export async function holderOfPort(port: number, files: PluginFiles): Promise<PortHolder | undefined> {
  const sockets = (await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((table) => socketsOn(port, table, files)))).flat();
  const [first] = sockets;
  if (first === undefined) return undefined;
  const wanted = new Set(sockets.map(({ inode }) => `socket:[${inode}]`));

  const pids = ((await files.list('/proc').catch(() => undefined)) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids.sort((a, b) => a - b)) {
    // The oldest that has it: of a server its master.
    const program = (await holdsOne(pid, wanted, files)) ? await programOf(pid, files) : undefined;
    if (program !== undefined) return { pid, program, ...(await unitOf(pid, files)) };
  }
  return { user: await userName(first.uid, files) };
}

async function socketsOn(port: number, table: string, files: PluginFiles): Promise<readonly Socket[]> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await textOf(table, files)).split('\n').map((row) => row.trim().split(/\s+/));
  return rows.flatMap(([, local, , state, , , , uid, , inode]) =>
    state === LISTENING && local?.endsWith(wanted) && uid !== undefined && inode !== undefined ? [{ inode, uid }] : [],
  );
}

async function holdsOne(pid: number, sockets: ReadonlySet<string>, files: PluginFiles): Promise<boolean> {
  const descriptors = (await files.list(`/proc/${pid}/fd`).catch(() => undefined)) ?? [];
  for (const descriptor of descriptors) {
    const target = await files.readLink(`/proc/${pid}/fd/${descriptor}`).catch(() => undefined);
    if (target !== undefined && sockets.has(target)) return true;
  }
  return false;
}

/** Its name as the kernel has it; certkit's own, which is Node's to the kernel, by the program that it runs. Of a process that has ended none. */
async function programOf(pid: number, files: PluginFiles): Promise<string | undefined> {
  const [, script = ''] = (await textOf(`/proc/${pid}/cmdline`, files)).split('\0');
  if (/\/(certkit|dist\/core\/start\.cjs)$/.test(script)) return 'certkit';
  return (await textOf(`/proc/${pid}/comm`, files)).trim() || undefined;
}

/** The systemd service that it belongs to (cgroups(7)). */
async function unitOf(pid: number, files: PluginFiles): Promise<{ readonly unit?: string }> {
  const unit = /:\/system\.slice\/(?:[^/\n]+\.slice\/)?([^/\n]+\.service)/.exec(await textOf(`/proc/${pid}/cgroup`, files))?.[1];
  return unit === undefined ? {} : { unit };
}

/** `www-data`, or `user 33` for one without a name (passwd(5)). */
async function userName(uid: string, files: PluginFiles): Promise<string> {
  const entry = (await textOf('/etc/passwd', files)).split('\n').find((line) => line.split(':')[2] === uid);
  return entry?.split(':')[0] ?? `user ${uid}`;
}

/** A process may end while it is looked at, and some files are not ours to read: then there is nothing. */
async function textOf(path: string, files: PluginFiles): Promise<string> {
  const bytes = await files.read(path).catch(() => undefined);
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
