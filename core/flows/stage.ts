import { join } from 'node:path';
import { asCertkitError, type CertkitError } from '../errors.ts';
import { inPool } from '../pool.ts';
import type { ChangedPlace } from './changed-place.ts';
import type { Needs } from './needs.ts';
import type { Target } from './target.ts';

/** Each link is made durable by itself; there are as many as lineages. */
const LINKS_AT_ONCE = 16;

export type StagedVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'not-tested'; readonly because: string }
  | { readonly kind: 'refused'; readonly error: CertkitError };

/**
 * The server's own test of the new bytes and links, while the real files stay as they are.
 *
 * The staged copies stand below `state/` and are removed again; the server sees them through a private mount namespace.
 *
 * @param targets - whose links are to lead elsewhere
 */
export async function testStaged(place: ChangedPlace, targets: readonly Target[], needs: Needs): Promise<StagedVerdict> {
  const { files, store } = needs;
  const fresh = place.changes.find((change) => change.before === undefined);
  if (fresh !== undefined) return { kind: 'not-tested', because: `${fresh.path} is a new file, which cannot be shown to the server before it is there` };

  // A file that goes may be seen a moment longer: what named it goes with it.
  const changed = place.changes.flatMap(({ path, after }) => (after === undefined ? [] : [{ path, after }]));
  const folder = await store.stageFolder();
  const isRoot = (await files.facts(folder))?.uid === 0;
  try {
    const staged = await Promise.all(
      changed.map(async ({ path, after }, at) => {
        const [real = path, facts] = await Promise.all([files.realPath(path), files.facts(path, 'follow')]);
        // As its owner has it: a server that somebody else started is tested as that user.
        const owner = isRoot && facts !== undefined ? { owner: String(facts.uid), group: String(facts.gid) } : {};
        await files.write(join(folder, String(at)), after, { mode: (facts?.mode ?? 0o600) & 0o7777, ...owner });
        return { real, staged: join(folder, String(at)) };
      }),
    );
    const opened = await needs.staging.open([...staged, { real: store.liveRoot, staged: await stageLinks(folder, targets, needs) }]);
    if ('unavailable' in opened) return { kind: 'not-tested', because: opened.unavailable };
    const server = await needs.plugins.staged(place.pluginKind ?? 'installer', place.choice, opened.programs);
    await server.test(needs.signal);
    return { kind: 'passed' };
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const error = asCertkitError(thrown);
    if (error.code !== 'INSTALLER_REJECTED') throw error;
    return { kind: 'refused', error };
  } finally {
    await files.removeTree(folder);
  }
}

/** A directory of live links as they will be; relative, so they lead into the real archive from where it is mounted. */
async function stageLinks(folder: string, targets: readonly Target[], { files, store }: Needs): Promise<string> {
  const staged = join(folder, 'live');
  await files.makeDirectory(staged, 0o711);
  const links = new Map<string, string>();
  for (const name of (await files.list(store.liveRoot)) ?? []) {
    const target = await files.readLink(join(store.liveRoot, name));
    if (target !== undefined) links.set(name, target);
  }
  for (const { lineage, version } of targets) links.set(lineage.name, store.linkTarget(lineage.name, version.number));
  await inPool([...links], LINKS_AT_ONCE, ([name, target]) => files.switchLink(join(staged, name), target));
  return staged;
}
