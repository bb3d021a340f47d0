import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Bind } from './bind.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

/** acme.sh with a home of its own, in which `dns_nsupdate` has been used before: what it needs is saved there. */
export interface AcmeSh {
  /** `acme.sh`, which has its `dnsapi` beside it. */
  readonly script: string;
  readonly dnsapi: string;
  /** LE_WORKING_DIR. */
  readonly home: string;
  readonly accountConf: string;
  /** PATH that has `nsupdate`. */
  readonly path: string;
  /** What it does of itself for `--dns dns_nsupdate`. @returns what it printed */
  add(name: string, value: string): Promise<string>;
  remove(name: string, value: string): Promise<string>;
  stop(): void;
}

export interface AcmeShOptions {
  readonly bind: Pick<Bind, 'address' | 'port' | 'keyFile' | 'programs'>;
  /** `package`, when not given: the script is Debian's, the home has data only. `home`: it is there too, as its own installer puts it. */
  readonly installed?: 'package' | 'home';
  /** NSUPDATE_ZONE; nsupdate finds it when not given. */
  readonly zone?: string;
}

const API = 'dns_nsupdate';

/** What acme.sh does to use a file of its dnsapi. It is given nothing to do as it is read, and prints its help. */
const CALL = `api="$1" function="$2" name="$3" value="$4"
set --
. "$0" >/dev/null
__initHome
. "$api" && "$function" "$name" "$value"`;

export async function layoutAcmeSh({ bind, installed = 'package', zone }: AcmeShOptions): Promise<AcmeSh> {
  const packaged = pathOf(await tool('acme-sh'), 'acmesh');
  const dir = tempDir();
  const home = dir.path;
  if (installed === 'home') cpSync(dirname(packaged), home, { recursive: true });
  const script = installed === 'home' ? join(home, 'acme.sh') : packaged;
  const dnsapi = join(dirname(script), 'dnsapi');
  const path = `${bind.programs.bin}:/usr/bin:/bin`;
  const saved = {
    NSUPDATE_SERVER: bind.address,
    NSUPDATE_SERVER_PORT: String(bind.port),
    NSUPDATE_KEY: bind.keyFile,
    ...(zone === undefined ? {} : { NSUPDATE_ZONE: zone }),
  };
  const accountConf = join(home, 'account.conf');
  writeFileSync(accountConf, ['#LOG_FILE="/var/log/acme.sh.log"', ...Object.entries(saved).map(([key, value]) => `SAVED_${key}='${value}'`), ''].join('\n'), {
    mode: 0o600,
  });
  const call = async (verb: 'add' | 'rm', name: string, value: string) => {
    const args = ['-c', CALL, script, join(dnsapi, `${API}.sh`), `${API}_${verb}`, name, value];
    const { stdout, stderr } = await promisify(execFile)('sh', args, { env: { PATH: path, LE_WORKING_DIR: home } });
    return stdout + stderr;
  };

  return {
    script,
    dnsapi,
    home,
    accountConf,
    path,
    add: (name, value) => call('add', name, value),
    remove: (name, value) => call('rm', name, value),
    stop: dir.remove,
  };
}
