import { readFile } from 'node:fs/promises';
import type { Executor } from '../ports.ts';

const UNCHANGED = -1; // chown(2) leaves this half alone

export interface Ownership {
  readonly owner?: string;
  readonly group?: string;
}

/** The name is no account of this machine. */
export class UnknownAccountError extends Error {}

/**
 * The numbers of a user and a group for chown; -1 for what is not named. Takes names and numbers.
 * /etc/passwd and /etc/group are asked first; `getent` knows those of a directory service.
 */
export async function accountIds({ owner, group }: Ownership, executor: Executor): Promise<{ readonly uid: number; readonly gid: number }> {
  return {
    uid: owner === undefined ? UNCHANGED : await idOf('passwd', owner, executor),
    gid: group === undefined ? UNCHANGED : await idOf('group', group, executor),
  };
}

async function idOf(database: 'passwd' | 'group', name: string, executor: Executor): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const local = idIn(await readFile(`/etc/${database}`, 'utf8').catch(() => ''), name);
  if (local !== undefined) return local;

  const answer = await executor.run('getent', [database, '--', name], { accept: [0, 2] }); // 2: not in the database
  const remote = idIn(answer.stdout, name);
  if (remote === undefined) throw new UnknownAccountError(`there is no ${database === 'passwd' ? 'user' : 'group'} named "${name}"`);
  return remote;
}

function idIn(lines: string, name: string): number | undefined {
  const line = lines.split('\n').find((text) => text.startsWith(`${name}:`));
  const id = line?.split(':')[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}
