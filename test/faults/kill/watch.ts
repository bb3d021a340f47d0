import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

export interface Watch {
  /** What was seen that may never be seen; the same when asked again. */
  stop(): Promise<readonly string[]>;
}

export interface Watched {
  handshakes: number;
  reloads: number;
  /** Connections that an ending worker cut; the next one was answered. */
  cut: number;
  /** Reloads of somebody else's that fell between the reading of the certificate and of its key while the link was switched. */
  straddled: number;
}

const HANDSHAKE_PAUSE_MS = 40;
const RELOAD_PAUSE_MS = { least: 80, most: 280 };
const BROKEN = /\[(emerg|alert|crit)\]/;
const STRADDLED = /SSL_CTX_use_PrivateKey.*key values mismatch/;
/** An address that is added may be bound for a moment yet: by a test of the configuration, by workers that are ending. nginx tries again, and says "still" when it gives up. */
const AGAIN = /bind\(\) to \S+ failed \(98: Address already in use\)/;

/**
 * Shakes hands with the server all the while, and has it read its files again at random moments.
 *
 * @param silent - nobody may answer: the listen is the deployment's own
 */
export function startWatch(world: World, counts: Watched, { silent }: { readonly silent: boolean }): Watch {
  const { nginx } = world;
  const master = nginx.pid();
  const logStart = nginx.errorLog().length;
  const seen: string[] = [];
  const known = new Set<string>();
  let stopped = false;
  let wake = () => {};
  const end = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const pause = (ms: number) => Promise.race([end, new Promise((resolve) => setTimeout(resolve, ms))]);

  const shaking = (async () => {
    const first = await world.served();
    if (first !== undefined) known.add(first);
    for (let unanswered = 0; !stopped; await pause(HANDSHAKE_PAUSE_MS)) {
      const leaf = await world.served();
      counts.handshakes++;
      if (leaf === undefined) {
        unanswered++;
        counts.cut++;
        if (unanswered > 1 && !silent) seen.push('two handshakes one after the other were not answered');
        continue;
      }
      unanswered = 0;
      if (known.has(leaf)) continue;
      for (const one of leavesOf(world)) known.add(one);
      if (!known.has(leaf)) seen.push(`a certificate was shown that is of no version: ${leaf}`);
    }
  })();
  const reloading = (async () => {
    while (!stopped) {
      await pause(RELOAD_PAUSE_MS.least + Math.random() * (RELOAD_PAUSE_MS.most - RELOAD_PAUSE_MS.least));
      if (stopped || master === undefined) continue;
      try {
        process.kill(master, 'SIGHUP');
        counts.reloads++;
      } catch {
        return; // it is gone, which is told in the end
      }
    }
  })();

  const judge = async () => {
    stopped = true;
    wake();
    await Promise.all([shaking, reloading]);
    const broken = nginx
      .errorLog()
      .slice(logStart)
      .split('\n')
      .filter((line) => BROKEN.test(line) && !(silent && AGAIN.test(line)));
    // One reload may meet the one switch of a run; two of them, or any other trouble, are ours.
    const straddling = broken.filter((line) => STRADDLED.test(line));
    counts.straddled += straddling.length;
    const ours = broken.filter((line) => straddling.length !== 1 || line !== straddling[0]);
    const gone = nginx.pid() === master ? [] : [`the server's master was process ${master} and is ${nginx.pid() ?? 'gone'}`];
    return [...seen, ...ours.map((line) => `the server's log: ${line}`), ...gone];
  };
  let judged: Promise<readonly string[]> | undefined;
  return {
    stop() {
      judged ??= judge();
      return judged;
    },
  };
}

/** SHA-256 of the leaves of all versions. */
export function leavesOf({ home }: World): readonly string[] {
  const archive = join(home, 'archive');
  if (!existsSync(archive)) return [];
  return readdirSync(archive, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('/cert.pem'))
    .map((name) => leafOf(join(archive, name)));
}

/** SHA-256 of the leaf behind the live link; `nothing` where there is none. */
export function liveLeaf({ home, names }: World): string {
  const path = join(home, 'live', names[0] ?? '', 'cert.pem');
  return existsSync(path) ? leafOf(path) : 'nothing';
}

const leafOf = (path: string) => new X509Certificate(readFileSync(path)).fingerprint256.replaceAll(':', '').toLowerCase();
