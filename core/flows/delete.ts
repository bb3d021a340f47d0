import { lineOfOffset } from '../confedit/splice.ts';
import { fault } from '../errors.ts';
import { type KnownServer, knownServers } from './known-servers.ts';
import { mentionsOf } from './mentions.ts';
import type { Needs } from './needs.ts';
import { recoverHeld } from './recover.ts';
import { waitingFor } from './waiting.ts';

/** Removes all there is of a lineage: its file, versions, keys and link. Refuses while the configuration of any known server names it. */
export async function deleteLineage(name: string, before: Needs): Promise<void> {
  const waiting = { onWait: waitingFor(`lineage ${name}`, before), signal: before.signal };
  await before.store.withLock(
    name,
    async () => {
      const needs = await recoverHeld([name], before);
      const stuck = needs.stuck.get(name);
      if (stuck !== undefined) throw stuck;
      const places = (await knownServers(needs)).flatMap((server) => namedAt(name, server, needs));
      if (places.length > 0) throw fault('INSTALLER_STILL_NAMED', { name, places });
      await needs.store.erase(name);
      needs.tell({ type: 'deleted', lineage: name });
    },
    waiting,
  );
}

/** A server that cannot be looked at may name it: where a lineage says that it is used there, that is an error. */
function namedAt(name: string, server: KnownServer, { store }: Needs): readonly string[] {
  if ('error' in server) {
    if (server.lineages.includes(name)) throw server.error;
    return [];
  }
  return mentionsOf(name, server.survey.files, store.liveRoot).map(({ path, bytes, offset }) => `${path}:${lineOfOffset(bytes, offset)}`);
}
