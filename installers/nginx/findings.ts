import type { Finding, Site } from 'certkit/plugin';
import { type Commands, testCommand, type WayOfReload } from './control.ts';
import type { Instance } from './instance.ts';

export interface Found {
  readonly instance: Instance;
  readonly pidFile: string;
  /** `undefined` while it does not run. */
  readonly reload: WayOfReload | undefined;
  readonly commands: Commands;
  readonly fileCount: number;
  readonly sites: readonly Site[];
}

const BY: Readonly<Record<WayOfReload['by'], string>> = {
  given: 'the command that was given',
  systemd: 'the service manager runs its master',
  signal: 'no service manager runs its master',
};

/** What was found and what follows from it, in the order in which a person would ask. */
export function findingsOf({ instance, pidFile, reload, commands, fileCount, sites }: Found): readonly Finding[] {
  const { build, master } = instance;
  const finding = (what: string, is: string): Finding => ({ what, is: is.replace(/\s+/g, ' ') });
  const aloof = sites.filter((site) => site.aloof !== undefined).map(({ names, id }) => `${names[0] ?? 'a site without a name'} (${id})`);
  return [
    finding('decided by', instance.because),
    finding('program', programText(instance)),
    finding('product', `${build.product} ${build.productVersion}${versionText(instance)}`),
    finding('prefix', instance.prefixIsItsOwn ? 'the program gives its own, which it does not tell' : instance.prefix),
    finding('configuration', instance.conf),
    ...(instance.globals === undefined ? [] : [finding('global directives', instance.globals)]),
    finding('pid file', pidFile),
    finding('master', master === undefined ? 'does not run, and is not started' : `process ${master.pid}, started by ${userText(master.uid)}`),
    finding('tested with', `${testCommand(instance, commands).join(' ')}${commands.test === undefined ? '' : ' (the command that was given)'}`),
    finding('reloaded with', reload === undefined ? 'nothing, as it does not run' : `${reload.command.join(' ')} (${BY[reload.by]})`),
    finding('read', `${counted(fileCount, 'file')} with ${counted(sites.length, 'site')}`),
    ...(aloof.length === 0 ? [] : [finding('left alone', aloof.join(', '))]),
    ...instance.unplaced.map((text) => finding('not told', text)),
    ...instance.passedOver.map((text) => finding('passed over', text)),
  ];
}

function programText({ binary, master }: Instance): string {
  if (master === undefined || binary === master.executable) return binary;
  return `${master.executable}, replaced since it was started; what runs is asked and tests (${binary})`;
}

/** The version of nginx that it behaves as, where its own does not say so. */
function versionText({ build: { version, productVersion } }: Instance): string {
  if (version === undefined) return '; the version of nginx in it cannot be read, and what depends on that is off';
  return productVersion.startsWith(version) ? '' : `, which is nginx ${version}`;
}

function userText(uid: number | undefined): string {
  if (uid === undefined) return 'an unknown user';
  return uid === 0 ? 'root' : `the user with the number ${uid}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
