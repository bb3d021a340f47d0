import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../../parts/temp.ts';
import type { World } from './world.ts';

/** Everything that certkit may change, as it was; put back as often as needed. */
export interface Snapshot {
  /** Puts all files back, and has the server serve what they say. */
  restore(): Promise<void>;
  remove(): void;
}

const STEADY_LOOKS = 5;
const LOOK_PAUSE_MS = 10;
const LIMIT_MS = 10_000;
/** nginx tells its old workers to end 100 ms after the new ones have started. */
const BOTH_ANSWER_MS = 120;

export async function takeSnapshot(world: World): Promise<Snapshot> {
  const shelf = tempDir();
  const copies = world.kept.map((path, at) => ({ path, copy: join(shelf.path, String(at)), isThere: existsSync(path) }));
  const copy = (from: string, to: string) => execFileSync('cp', ['-a', '--', from, to]);
  for (const one of copies) if (one.isThere) copy(one.path, one.copy);
  await world.nginx.reload(); // what the files say, whether or not the server had read them
  const served = await world.served();

  return {
    async restore() {
      for (const { path, copy: kept, isThere } of copies) {
        const [next, last] = [`${path}.next`, `${path}.last`];
        if (isThere) copy(kept, next);
        // Whoever looks at the server meanwhile finds a configuration.
        if (existsSync(path)) renameSync(path, last);
        if (isThere) renameSync(next, path);
        rmSync(last, { recursive: true, force: true });
      }
      mkdirSync(world.shelf, { recursive: true });
      const { nginx } = world;
      world.clearLogs();
      const pid = nginx.pid();
      if (pid === undefined) await nginx.start();
      else process.kill(pid, 'SIGHUP');
      await pause(BOTH_ANSWER_MS);
      const giveUpMs = Date.now() + LIMIT_MS;
      for (let steady = 0; steady < STEADY_LOOKS; steady = (await world.served()) === served ? steady + 1 : 0) {
        if (Date.now() > giveUpMs) throw new Error(`the server does not serve again what it served in the beginning:\n${nginx.test().output}`);
        await pause(LOOK_PAUSE_MS);
      }
    },
    remove: () => shelf.remove(),
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
