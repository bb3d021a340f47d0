import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../../parts/temp.ts';
import { pathOf, tool } from '../../parts/tools.ts';

/** What the real server says of a configuration. */
export type Verdict =
  /** It read all of it; whether it could work with that is another question. */
  | { readonly ok: true }
  /** Bytes as Latin-1 characters. nginx cuts a long message, and one with a NUL in it. */
  | { readonly ok: false; readonly message: string; readonly line: number };

export interface RealNginx {
  /** Asks `nginx -t` about each text, two processes at a time. */
  judge(texts: readonly Uint8Array[]): Promise<Verdict[]>;
  remove(): void;
}

const AT_ONCE = 2;
/** One small shell starts nginx for many files: to fork this large process for each would cost more than the test itself. */
const TEST_ALL = 'for file in *.conf; do "$0" -t -q -e stderr -p "$PWD" -c "$PWD/$file" -g "pid pid;" >"$file.said" 2>&1; done; exit 0';
const NAME = /^(\d+)\.conf\.said$/;

export async function realNginx(): Promise<RealNginx> {
  const binary = pathOf(await tool('nginx-source'), 'nginx');
  const dir = tempDir();
  const judgeSome = async (texts: readonly Uint8Array[], folder: string): Promise<Verdict[]> => {
    mkdirSync(folder, { recursive: true });
    for (const [at, text] of texts.entries()) writeFileSync(join(folder, `${at}.conf`), text);
    await ended('sh', ['-c', TEST_ALL, binary], folder);
    const verdicts: Verdict[] = [];
    for (const name of readdirSync(folder)) {
      const at = NAME.exec(name)?.[1];
      if (at !== undefined) verdicts[Number(at)] = verdictIn(readFileSync(join(folder, name), 'latin1'), join(folder, `${at}.conf`));
    }
    rmSync(folder, { recursive: true });
    return verdicts;
  };
  return {
    judge: async (texts) => {
      const share = Math.ceil(texts.length / AT_ONCE);
      const shares = Array.from({ length: AT_ONCE }, (_, at) => judgeSome(texts.slice(at * share, (at + 1) * share), join(dir.path, String(at))));
      return (await Promise.all(shares)).flat();
    },
    remove: dir.remove,
  };
}

function verdictIn(said: string, file: string): Verdict {
  const emergency = / \[emerg\] \d+#\d+: (.*)/s.exec(said)?.[1];
  if (emergency === undefined) return { ok: true };
  const end = emergency.lastIndexOf(` in ${file}:`);
  if (end === -1) return { ok: true };
  return { ok: false, message: emergency.slice(0, end), line: Number.parseInt(emergency.slice(end + ` in ${file}:`.length), 10) };
}

function ended(file: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}`))));
  });
}
