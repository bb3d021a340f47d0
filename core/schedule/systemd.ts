import { commandOf, type EntryFacts, MARK } from './entry.ts';

export const TIMER = 'certkit-renew.timer';
export const SERVICE = 'certkit-renew.service';
export const RECOVERY = 'certkit-recover.service';

/** Servers that must not start before what a cut-off run left is put right. */
const WEB_SERVERS = ['nginx', 'openresty', 'angie', 'freenginx', 'tengine', 'httpd', 'apache2', 'haproxy'];

/**
 * The units, by file name. None of systemd's sandboxing is used: an edit below /usr/local/nginx, a proof below /home or a
 * person's hook must not fail because of it.
 */
export function systemdUnits(facts: EntryFacts): Readonly<Record<string, string>> {
  return {
    [SERVICE]: unit([
      '[Unit]',
      'Description=Renew and deploy TLS certificates that are due (certkit)',
      'Wants=network-online.target',
      'After=network-online.target',
      '',
      '[Service]',
      'Type=oneshot',
      ...run(facts, ['renew']),
    ]),
    [TIMER]: unit([
      '[Unit]',
      'Description=Look every hour for TLS certificates to renew and deploy (certkit)',
      '',
      '[Timer]',
      'OnCalendar=hourly',
      'RandomizedDelaySec=50min',
      'Persistent=true',
      '',
      '[Install]',
      'WantedBy=timers.target',
    ]),
    [RECOVERY]: unit([
      '[Unit]',
      'Description=Put right what a run of certkit left that was cut off',
      `ConditionDirectoryNotEmpty=${specifierSafe(facts.home)}/state/journal`,
      'After=local-fs.target',
      `Before=${WEB_SERVERS.map((name) => `${name}.service`).join(' ')}`,
      '',
      '[Service]',
      'Type=oneshot',
      // A hook may start a server that waits for this unit, or need the network: the next run calls it.
      ...run(facts, ['recover', '--no-hooks']),
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ]),
  };
}

function run(facts: EntryFacts, command: readonly string[]): readonly string[] {
  return [
    `Environment=${quoted(`PATH=${facts.path}`)}`,
    `ExecStart=${startable(commandOf(facts, command)).map(commandWord).join(' ')}`,
    // A server that died of a reload and was started again belongs to this unit's group; it has to outlive it.
    'KillMode=process',
  ];
}

/** systemd refuses quotes, `$` and the like in the path of the program itself, and in no other word. */
const startable = (words: readonly string[]) => (isPlain(words[0] ?? '') ? words : ['/usr/bin/env', ...words]);

const unit = (lines: readonly string[]) => `${[MARK, ...lines].join('\n')}\n`;

/** systemd.syntax(7), systemd.unit(5): `%` begins a specifier. */
const specifierSafe = (text: string) => text.replaceAll('%', '%%');

const quoted = (text: string) => `"${specifierSafe(text).replace(/["\\]/g, '\\$&')}"`;

const isPlain = (text: string) => /^[\w/.:=@+-]+$/.test(text);

/** systemd.service(5): `$` begins a variable in a command line. */
const commandWord = (text: string) => (isPlain(text) ? text : quoted(text).replaceAll('$', '$$$$'));
