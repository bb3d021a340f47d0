import type { FileReader } from '../ports.ts';

/** Something else on this machine that renews certificates by itself. */
export interface Competitor {
  readonly client: string;
  readonly where: string;
}

/** Units that are switched on have a link in a folder of `*.wants`. */
const TIMERS: readonly (readonly [client: string, unit: string])[] = [
  ['certbot', 'certbot.timer'],
  ['certbot', 'certbot-renew.timer'],
  ['certbot', 'snap.certbot.renew.timer'],
  ['acme.sh', 'acme.sh.timer'],
  ['dehydrated', 'dehydrated.timer'],
  ['lego', 'lego.timer'],
];

const CRON_FILES: readonly string[] = [
  '/etc/crontab',
  '/var/spool/cron/root',
  '/var/spool/cron/crontabs/root',
  '/var/spool/cron/tabs/root',
  '/etc/cron.d',
  '/etc/cron.hourly',
  '/etc/cron.daily',
  '/etc/cron.weekly',
];

const CLIENTS: readonly (readonly [client: string, pattern: RegExp])[] = [
  ['certbot', /\bcertbot(-auto)?\b.*\brenew\b/],
  ['acme.sh', /\bacme\.sh\b.*--cron\b/],
  ['dehydrated', /\bdehydrated\b.*(\s-c\b|--cron)/],
  ['lego', /\blego\b.*\brenew\b/],
];

/**
 * Other clients' timers and cron entries, as files show them. Two that renew the same names order twice; two that edit the
 * same server undo each other.
 *
 * @param root - of the file system, for tests; empty for the machine's own
 */
export async function findCompetitors(files: FileReader, root = ''): Promise<readonly Competitor[]> {
  const timers = await Promise.all(
    TIMERS.map(async ([client, unit]) => {
      const where = `/etc/systemd/system/timers.target.wants/${unit}`;
      return (await files.facts(root + where)) === undefined ? [] : [{ client, where }];
    }),
  );
  const crons = await Promise.all(CRON_FILES.map((path) => cronsAt(path, files, root)));
  return [...timers.flat(), ...crons.flat()];
}

async function cronsAt(path: string, files: FileReader, root: string): Promise<readonly Competitor[]> {
  const facts = await files.facts(root + path, 'follow');
  if (facts?.type === 'directory') {
    const names = (await files.list(root + path)) ?? [];
    return (await Promise.all(names.map((name) => cronsAt(`${path}/${name}`, files, root)))).flat();
  }
  if (facts?.type !== 'file') return [];
  const text = Buffer.from((await files.read(root + path)) ?? []).toString('latin1');
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  return CLIENTS.flatMap(([client, pattern]) => (lines.some((line) => pattern.test(line)) ? [{ client, where: path }] : []));
}
