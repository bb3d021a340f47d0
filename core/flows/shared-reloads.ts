import type { Installer } from '../../plugins/contract.ts';
import type { Server } from '../model/site.ts';

export interface Reloadable {
  readonly installer: Pick<Installer, 'reload'>;
  readonly survey: { readonly server: Pick<Server, 'reloadCommand'> };
}

/** Tells servers to read their files again, all of which are written by then. */
export type Reload = (place: Reloadable, signal: AbortSignal) => Promise<void>;

/** Servers that are reloaded by the very same command are reloaded by one run of it, and its failure is the failure of each. */
export function shareReloads(): Reload {
  const begun = new Map<string, Promise<void>>();
  return async ({ installer, survey }, signal) => {
    const { reloadCommand } = survey.server;
    if (reloadCommand === undefined) return installer.reload(signal);
    const key = JSON.stringify(reloadCommand);
    const running = begun.get(key) ?? installer.reload(signal);
    begun.set(key, running);
    return running;
  };
}
