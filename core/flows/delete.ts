import { lineOfOffset } from '../confedit/splice.ts';
import { fault } from '../errors.ts';
import { type KnownServer, knownServers } from './known-servers.ts';
import { mentionsOf, sitesUsing } from './mentions.ts';
import type { Needs } from './needs.ts';
import { giveUp, renewalId } from './obtain.ts';
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
      // An unreadable file does not say which servers it is used at. A deletion that was cut off has left none.
      if ((await needs.store.names()).includes(name)) await needs.store.lineage(name);
      const places = [...(await placesNamed(name, needs))];
      if (places.length > 0) throw fault('INSTALLER_STILL_NAMED', { name, places, by: 'delete' });
      // An order that was left to be gone on with leads nowhere now.
      const entry = (await needs.store.journal()).entries.find(({ id }) => id === renewalId(name));
      if (entry?.kind === 'renew') await giveUp(entry, needs);
      await needs.store.erase(name);
      needs.tell({ type: 'deleted', lineage: name });
    },
    waiting,
  );
}

/** `file:line` of all that names the lineage: in the configuration of servers, and in files that certkit once wrote to. */
async function placesNamed(name: string, needs: Needs): Promise<ReadonlySet<string>> {
  const { store, files } = needs;
  const written = await store.written(name);
  const paths = new Set([...written.edits, ...written.files].map(({ path }) => path));
  const once = await Promise.all([...paths].map(async (path) => ({ path, bytes: (await files.read(path)) ?? new Uint8Array() })));
  const inServers = await Promise.all((await knownServers(needs)).map((server) => namedAt(name, server, needs)));
  return new Set([...inServers.flat(), ...placesIn(name, once, needs)]);
}

/** A server that cannot be looked at may name it: where a lineage says that it is used there, that is an error. */
async function namedAt(name: string, server: KnownServer, needs: Needs): Promise<readonly string[]> {
  if ('error' in server) {
    const { error, choice } = server;
    if (server.lineages.includes(name)) throw fault('INSTALLER_UNSEEN', { name, installer: choice.plugin, because: error.message, hint: error.hint }, error);
    needs.tell({ type: 'note', lineage: name, text: `whether a server of ${choice.plugin} names it is not known: ${error.message}` });
    return [];
  }
  const { files, sites } = server.survey;
  const named = placesIn(name, files, needs);
  return named.length > 0 ? named : (await sitesUsing(name, sites, needs)).map(({ id }) => id);
}

function placesIn(name: string, files: Parameters<typeof mentionsOf>[1], { store }: Pick<Needs, 'store'>): readonly string[] {
  return mentionsOf(name, files, store).map(({ path, bytes, offset }) => `${path}:${lineOfOffset(bytes, offset)}`);
}
