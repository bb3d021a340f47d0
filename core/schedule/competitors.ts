import type { FileReader } from '../ports.ts';
import { isOurs } from './entry.ts';
import { switchedOnCommands } from './timers.ts';

/** Something else on this machine that renews certificates by itself. */
export interface Competitor {
  readonly client: string;
  readonly where: string;
}

/** What renews here and was not written by "schedule install". */
export interface Renewers {
  /** Files in which a person has certkit renew. */
  readonly byHand: readonly string[];
  readonly competitors: readonly Competitor[];
}

/** Files, or folders of files with lines of cron's. Below the last one: Debian's crontabs/, SUSE's tabs/, Red Hat's files without a folder. */
const CRONTABS: readonly string[] = ['/etc/crontab', '/etc/anacrontab', '/etc/cron.d', '/var/spool/cron'];
const SCRIPTS: readonly string[] = [
  ...['hourly', 'daily', 'weekly', 'monthly'].map((often) => `/etc/cron.${often}`),
  ...['hourly', 'daily', 'weekly', 'monthly'].map((often) => `/etc/periodic/${often}`),
];

/** Names that run-parts and cron pass over: copies that package managers, editors and people leave. */
const LEFTOVER = /^\.|~$|\.(?:dpkg-\w+|rpm\w+|bak|old|orig|save|disabled|swp|cfsaved)$/;

const CERTKIT = 'certkit';

/** Each as its own documentation or package schedules it. */
const CLIENTS: readonly (readonly [client: string, command: RegExp])[] = [
  [CERTKIT, called('certkit|dist/core/start\\.cjs', '\\brenew\\b')],
  ['certbot', called('certbot|certbot-auto|(?<!/etc/)letsencrypt|letsencrypt-auto', '\\brenew\\b')],
  ['certbot', /\bcertbot\.renew\b/], // the snap's service
  ['acme.sh', called('acme\\.sh', '--(?:cron|renew-all|renewAll)\\b')],
  ["Centmin Mod's acmetool.sh", called('acmetool\\.sh', '\\brenew(?:all)?\\b')],
  ['dehydrated', called('dehydrated', '(?:\\s-c|--cron)\\b')],
  ['lego', called('lego', '\\brenew\\b')],
  ['getssl', called('getssl', '\\s(?:-u|-a|--all|--auto)\\b')],
  ['acmetool', called('acmetool', '(?:--batch|\\breconcile)\\b')],
  ['uacme', called('uacme', '\\bissue\\b')],
];

/** A command line in which a program of that name is run with this further on. */
function called(name: string, further: string): RegExp {
  return new RegExp(`(?:^|[\\s/"'=;&|(])(?:${name})["']?(?=\\s).*${further}`);
}

/** Debian's entries leave the work to a timer where systemd runs. */
const NOT_WITH_SYSTEMD = /!\s+-d\s+\/run\/systemd\/system/;

/**
 * Other clients' timers and cron entries, as files show them. Two that renew the same names order twice; two that edit the
 * same server undo each other. What may not be read is passed over: it is another user's, and no reason to fail.
 *
 * @param root - of the file system, for tests; empty for the machine's own
 */
export async function findRenewers(files: FileReader, root = ''): Promise<Renewers> {
  const reader = lenient(files, root);
  const hasSystemd = (await reader.facts('/run/systemd/system', 'follow'))?.type === 'directory';
  const timers = (await switchedOnCommands(reader)).flatMap(({ timer, commands }) => {
    const called = clientsIn(commands);
    return (called.length > 0 ? called : clientsNamed(timer)).map((client) => ({ client, where: timer }));
  });
  const texts = (await Promise.all([...CRONTABS.map((path) => textsAt(path, 0, reader)), ...SCRIPTS.map((path) => textsAt(path, 0o111, reader))])).flat();
  const crons = texts.flatMap(({ path, text }) => {
    const lines = text.split('\n').filter((line) => !/^\s*#/.test(line) && !(hasSystemd && NOT_WITH_SYSTEMD.test(line)));
    return isOurs(text) ? [] : clientsIn(lines).map((client) => ({ client, where: path }));
  });
  const found = [...timers, ...crons];
  return { byHand: found.flatMap(({ client, where }) => (client === CERTKIT ? [where] : [])), competitors: found.filter(({ client }) => client !== CERTKIT) };
}

/** Whether the lines of a crontab have certkit renew. */
export function renewsByHand(crontab: string): boolean {
  return clientsIn(crontab.split('\n').filter((line) => !/^\s*#/.test(line))).includes(CERTKIT);
}

function clientsIn(lines: readonly string[]): readonly string[] {
  return [...new Set(CLIENTS.flatMap(([client, command]) => (lines.some((line) => command.test(line)) ? [client] : [])))];
}

/** A package's service may run a script of its own: SUSE's dehydrated.timer does. */
function clientsNamed(timer: string): readonly string[] {
  const name = timer.slice(timer.lastIndexOf('/') + 1);
  return [...new Set(CLIENTS.flatMap(([client]) => (client !== CERTKIT && name.startsWith(`${client}.`) ? [client] : [])))];
}

/** @param modeWanted - bits of which a file needs one; scripts that may not be executed are not run */
async function textsAt(path: string, modeWanted: number, reader: FileReader): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const facts = await reader.facts(path, 'follow');
  if (facts?.type === 'directory') {
    const names = ((await reader.list(path)) ?? []).filter((name) => !LEFTOVER.test(name));
    return (await Promise.all(names.map((name) => textsAt(`${path}/${name}`, modeWanted, reader)))).flat();
  }
  if (facts?.type !== 'file' || (modeWanted !== 0 && (facts.mode & modeWanted) === 0)) return [];
  const bytes = await reader.read(path);
  return bytes === undefined ? [] : [{ path, text: Buffer.from(bytes).toString('latin1') }];
}

function lenient(files: FileReader, root: string): FileReader {
  const unlessRefused =
    <T>(look: (path: string) => Promise<T | undefined>) =>
    (path: string) =>
      look(root + path).catch(() => undefined);
  return {
    read: unlessRefused(files.read),
    list: unlessRefused(files.list),
    facts: (path, follow) => unlessRefused((at) => files.facts(at, follow))(path),
    readLink: unlessRefused(files.readLink),
    realPath: unlessRefused(files.realPath),
  };
}
