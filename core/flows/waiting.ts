import type { Needs } from './needs.ts';

/** Tells what a lock is waited for, and who holds it. */
export const waitingFor =
  (on: string, { tell }: Pick<Needs, 'tell'>) =>
  (pid: number | undefined): void =>
    tell({ type: 'waiting', on, ...(pid === undefined ? {} : { holder: `process ${pid}` }) });
