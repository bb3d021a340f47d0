import type { Executor, FileReader } from '../ports.ts';
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

/** Where commands stand. */
interface Place {
  readonly path: string;
  /** How far below it files are looked for. */
  readonly depth: number;
  /** A file counts only if somebody may execute it. */
  readonly isScript?: true;
}

const PLACES: readonly Place[] = [
  { path: '/etc/crontab', depth: 0 },
  { path: '/etc/anacrontab', depth: 0 },
  { path: '/etc/cron.d', depth: 1 },
  { path: '/var/spool/cron', depth: 2 }, // Debian has crontabs/ in it, SUSE tabs/, Red Hat the files themselves
  ...['hourly', 'daily', 'weekly', 'monthly'].flatMap((often): readonly Place[] => [
    { path: `/etc/cron.${often}`, depth: 1, isScript: true },
    { path: `/etc/periodic/${often}`, depth: 1, isScript: true },
  ]),
];

/** Names that run-parts and cron pass over: copies that package managers, editors and people leave. */
const LEFTOVER = /^\.|~$|\.(?:dpkg-\w+|rpm\w+|bak|old|orig|save|disabled|swp|cfsaved)$/;

const ANY_EXECUTE = 0o111;

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
    const byCommand = clientsIn(commands);
    return (byCommand.length > 0 ? byCommand : clientsNamed(timer)).map((client) => ({ client, where: timer }));
  });
  const texts = (await Promise.all(PLACES.map((place) => textsAt(place, reader)))).flat();
  const crons = texts.flatMap(({ path, text }) => {
    const lines = text.split('\n').filter((line) => isNoComment(line) && !(hasSystemd && NOT_WITH_SYSTEMD.test(line)));
    return isOurs(text) ? [] : clientsIn(lines).map((client) => ({ client, where: path }));
  });
  const found = [...timers, ...crons];
  return { byHand: found.flatMap(({ client, where }) => (client === CERTKIT ? [where] : [])), competitors: found.filter(({ client }) => client !== CERTKIT) };
}

/** Root reads the crontabs themselves; another user's own is behind its program. */
export async function ownCrontab(programs: Executor): Promise<readonly string[]> {
  const listed = await programs.run('crontab', ['-l']).catch(() => undefined); // no cron, or no crontab
  return clientsIn((listed?.stdout ?? '').split('\n').filter(isNoComment)).includes(CERTKIT) ? ['your crontab'] : [];
}

const isNoComment = (line: string) => !/^\s*#/.test(line);

function clientsIn(lines: readonly string[]): readonly string[] {
  return [...new Set(CLIENTS.flatMap(([client, command]) => (lines.some((line) => command.test(line)) ? [client] : [])))];
}

/** A client's timer may run a script around it. */
function clientsNamed(timer: string): readonly string[] {
  const name = timer.slice(timer.lastIndexOf('/') + 1);
  return [...new Set(CLIENTS.flatMap(([client]) => (client !== CERTKIT && name.startsWith(`${client}.`) ? [client] : [])))];
}

async function textsAt({ path, depth, isScript }: Place, reader: FileReader): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const facts = await reader.facts(path, 'follow');
  if (facts?.type === 'directory' && depth > 0) {
    const names = ((await reader.list(path)) ?? []).filter((name) => !LEFTOVER.test(name));
    const below = names.map((name): Place => ({ path: `${path}/${name}`, depth: depth - 1, ...(isScript === true ? { isScript } : {}) }));
    return (await Promise.all(below.map((place) => textsAt(place, reader)))).flat();
  }
  if (facts?.type !== 'file' || (isScript === true && (facts.mode & ANY_EXECUTE) === 0)) return [];
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
