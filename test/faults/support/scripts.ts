import { existsSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NginxInstance } from '../../parts/nginx-instance.ts';

/** The reload and test commands of a server, as shell that a test writes; each has a few words of its own. */
export interface Scripts {
  readonly reloadCommand: string;
  readonly testCommand: string;
  /**
   * What the next reload does, the one after it, and so on; the last one is for all later ones too.
   * `hup` reloads, `hup_and_wait` until it has new workers; `hold` waits until the test lets go; `$ppid` is certkit.
   */
  onReload(...bodies: readonly string[]): void;
  /** What each test does: `check` is the server's own, `refuse WORDS` fails with these words, `staged` is true within the staged view. */
  onTest(body: string): void;
  /** Resolves when a script holds. */
  held(): Promise<void>;
  letGo(): void;
  /** How often the reload command was called since the last `onReload`. */
  reloadCalls(): number;
}

const PATIENCE_MS = 20_000;

export function createScripts({ binary, args, prefix, writeFile, readFile, root, pidFile }: NginxInstance, liveRoot: string): Scripts {
  const at = (name: string) => `${root}/scripts/${name}`;
  const words = `#!/bin/sh
ppid=$PPID
hup() { kill -HUP "$(cat ${pidFile})"; }
reloaded() { grep -c 'start worker process ' ${prefix}/logs/error.log; }
hup_and_wait() { before=$(reloaded); hup; while [ "$(reloaded)" = "$before" ]; do sleep 0.02; done; }
check() { ${[binary, ...args].join(' ')} -t -q; }
refuse() { echo "$*" >&2; exit 1; }
staged() { grep -q " ${liveRoot} " /proc/self/mountinfo; }
hold() { touch ${at('held')}; while [ ! -e ${at('go')} ]; do sleep 0.02; done; rm -f ${at('held')} ${at('go')}; }
`;
  /** By a rename: a shell may be reading the old one. */
  const write = (name: string, body: string) => renameSync(writeFile(at(`${name}.new`), `${words}${body}\n`, 0o755), at(name));
  const calls = () => readFile(at('calls')).length;

  const scripts: Scripts = {
    reloadCommand: at('reload'),
    testCommand: at('test'),
    onReload(...bodies) {
      writeFile(at('calls'), '');
      const cases = bodies.map((body, index) => `${index === bodies.length - 1 ? '*' : index + 1}) ${body} ;;`);
      write('reload', `printf x >> ${at('calls')}\ncase $(wc -c < ${at('calls')}) in\n${cases.join('\n')}\nesac`);
    },
    onTest: (body) => write('test', body),
    async held() {
      const giveUpMs = Date.now() + PATIENCE_MS;
      while (!existsSync(at('held'))) {
        if (Date.now() > giveUpMs) throw new Error('no script came to where it holds');
        await sleep(10);
      }
    },
    letGo: () => void writeFile(at('go'), ''),
    reloadCalls: calls,
  };
  rmSync(at(''), { recursive: true, force: true });
  scripts.onReload('hup');
  scripts.onTest('check');
  return scripts;
}
