import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Program, startProgram } from './program.ts';
import { pathOf, type Tool } from './tools.ts';

export interface DnsRecord {
  /** Without a dot at its end. */
  readonly name: string;
  readonly ttl: number;
  readonly type: string;
  /** As `dig` prints it. */
  readonly value: string;
}

/** One running `named`. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
  /** Its answer for a name, sorted; empty when there is no such record. */
  txt(name: string): Promise<readonly string[]>;
  /** All records of a zone of its own, by zone transfer. */
  records(zone: string): Promise<readonly DnsRecord[]>;
  serial(zone: string): Promise<number>;
  /** With each query, each update and each transfer. */
  log(): string;
  /** Pauses it: it answers nobody and refuses nobody. @returns lets it go on */
  freeze(): () => void;
  stop(): Promise<void>;
}

export interface NamedOptions {
  readonly bind: Tool;
  /** Where it may make a folder of its own. */
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  readonly ipv6?: { readonly address: string; readonly port: number } | undefined;
  /** Statements outside of zones. */
  readonly keys?: readonly string[];
  readonly zones: readonly NamedZone[];
}

export interface NamedZone {
  readonly name: string;
  /** What it is loaded from; a zone without it comes from another server. */
  readonly text?: string;
  readonly statements: readonly string[];
}

const NOT_SERVED = /not loaded due to errors|could not (?:listen|get)|unable to listen/;
const NO_SUCH_RECORD = new Set(['ENODATA', 'ENOTFOUND']);

/** Nothing is below it, so that no question leads to a server elsewhere. */
const ROOT: NamedZone = {
  name: '.',
  text: '@ 60 SOA localhost. localhost. 1 3600 600 86400 1\n@ 60 NS localhost.\nlocalhost 60 A 127.0.0.1\n',
  statements: ['type primary'],
};

/** Answers from its zones alone: other names do not exist. */
export async function startNamed({ bind, dir: parent, address, port, ipv6, keys = [], zones }: NamedOptions): Promise<NameServer> {
  const dir = join(parent, address);
  mkdirSync(dir);
  const block = (head: string, statements: readonly string[]) => `${head} {\n${statements.map((one) => `  ${one};\n`).join('')}};\n`;
  const options = block('options', [
    `directory "${dir}"`,
    `listen-on port ${port} { ${address}; }`,
    ipv6 === undefined ? 'listen-on-v6 { none; }' : `listen-on-v6 port ${ipv6.port} { ${ipv6.address}; }`,
    ...['pid-file none', 'lock-file none', 'session-keyfile none'],
    ...['recursion yes', 'allow-recursion { any; }', 'dnssec-validation no', 'empty-zones-enable no'], // without recursion it follows no CNAME into another zone
    ...['allow-query { any; }', 'allow-transfer { any; }', 'notify no', 'querylog yes'],
  ]);
  const zoneBlocks = [ROOT, ...zones].map(({ name, text, statements }) => {
    if (text !== undefined) writeFileSync(join(dir, fileOf(name)), text);
    return block(`zone "${name}"`, [...statements, ...(text === undefined ? [] : [`file "${fileOf(name)}"`])]);
  });
  const conf = join(dir, 'named.conf');
  writeFileSync(conf, [options, 'controls { };\n', ...keys, ...zoneBlocks].join(''), { mode: 0o600 });

  const server = await startProgram(pathOf(bind, 'named'), ['-g', '-n', '1', '-c', conf], { logPath: join(dir, 'log'), env: { LOOPBACK_ADDRESS: address } });
  await server.printed(/ running$/m);
  const said = server.output();
  if (NOT_SERVED.test(said) || !said.includes(`listening on IPv4 interface lo, ${address}#${port}`)) {
    await server.stop();
    throw new Error(`named does not serve what it was to serve:\n${said}`);
  }
  return { address, port, ...questionsTo(address, port, pathOf(bind, 'dig')), log: server.output, freeze: () => freeze(server), stop: server.stop };
}

const fileOf = (zone: string) => (zone === '.' ? 'root.zone' : `${zone}.zone`);

function questionsTo(address: string, port: number, dig: string): Pick<NameServer, 'txt' | 'records' | 'serial'> {
  const resolver = new Resolver();
  resolver.setServers([`${address}:${port}`]);
  return {
    txt: async (name) => {
      try {
        return (await resolver.resolveTxt(name)).map((parts) => parts.join('')).sort();
      } catch (error) {
        if (NO_SUCH_RECORD.has((error as NodeJS.ErrnoException).code ?? '')) return [];
        throw error;
      }
    },
    records: async (zone) => {
      const args = [`@${address}`, '-p', String(port), '+noall', '+answer', '+onesoa', zone, 'AXFR'];
      const { stdout } = await promisify(execFile)(dig, args);
      const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
      if (lines.length === 0) throw new Error(`${address} transferred no zone ${zone}: ${stdout}`);
      return lines.map(recordOf);
    },
    serial: async (zone) => (await resolver.resolveSoa(zone)).serial,
  };
}

function recordOf(line: string): DnsRecord {
  const [, name = '', ttl, type = '', value = ''] = /^(\S+)\.\s+(\d+)\s+IN\s+(\S+)\s+(.*)$/.exec(line) ?? [];
  return { name, ttl: Number(ttl), type, value };
}

function freeze({ pid }: Program): () => void {
  process.kill(pid, 'SIGSTOP');
  return () => void process.kill(pid, 'SIGCONT');
}
