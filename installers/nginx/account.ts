/** Whom a process acts as, from its `status` (proc(5)). */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Numbers of the capabilities that its programs inherit: with CAP_NET_BIND_SERVICE a plain user's server may listen at port 443. */
  readonly capabilities: readonly number[];
}

/** `undefined` for a status that cannot be read. */
export function parseAccount(status: string): Account | undefined {
  const numbers = (name: string) =>
    new RegExp(`^${name}:(.*)$`, 'm')
      .exec(status)?.[1]
      ?.trim()
      .split(/\s+/)
      .filter((word) => word !== '') ?? [];
  const [, uid] = numbers('Uid'); // real, then effective
  const [, gid] = numbers('Gid');
  if (uid === undefined || gid === undefined) return undefined;
  const mask = BigInt(`0x${numbers('CapAmb')[0] ?? '0'}`);
  const capabilities = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (mask >> BigInt(bit)) & 1n);
  return { uid: Number(uid), gid: Number(gid), groups: numbers('Groups').map(Number), capabilities };
}

/**
 * The command as root runs it for somebody else. In a session of its own: a program of theirs must not reach the terminal
 * that root types at.
 */
export function commandAs({ uid, gid, groups, capabilities }: Account, command: readonly string[]): readonly string[] {
  const kept = capabilities.map((number) => `+cap_${number}`).join(',');
  return [
    ...['setsid', '--wait', 'setpriv', '--reuid', String(uid), '--regid', String(gid)],
    ...(groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')]),
    ...(kept === '' ? [] : ['--inh-caps', kept, '--ambient-caps', kept]),
    '--',
    ...command,
  ];
}
