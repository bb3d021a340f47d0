import type { FileReader } from '../ports.ts';
import { isOurs } from './entry.ts';

/** A timer that is switched on, and the command lines of what it starts. */
export interface SwitchedOn {
  /** The link that switches it on. */
  readonly timer: string;
  readonly commands: readonly string[];
}

const SWITCHES = '/etc/systemd/system';
/** The first that has a unit of the name wins (systemd.unit(5)). */
const UNIT_FOLDERS: readonly string[] = [SWITCHES, '/run/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** Timers have a link in a folder of `*.wants` while they are switched on. Those of "schedule install" are left out. */
export async function switchedOnCommands(files: FileReader): Promise<readonly SwitchedOn[]> {
  const folders = ((await files.list(SWITCHES)) ?? []).filter((name) => name.endsWith('.wants')).map((name) => `${SWITCHES}/${name}`);
  const links = await Promise.all(
    folders.map(async (folder) => ((await files.list(folder)) ?? []).flatMap((name) => (name.endsWith('.timer') ? [{ folder, name }] : []))),
  );
  const found = await Promise.all(links.flat().map(async ({ folder, name }) => ({ timer: `${folder}/${name}`, commands: await commandsOf(name, files) })));
  return found.filter(({ commands }) => commands.length > 0);
}

async function commandsOf(name: string, files: FileReader): Promise<readonly string[]> {
  const timer = await unitText(name, files);
  if (timer === undefined || isOurs(timer)) return [];
  const service = /^\s*Unit\s*=\s*(\S+)/m.exec(timer)?.[1] ?? name.replace(/\.timer$/, '.service');
  const text = (await unitText(service, files)) ?? '';
  return [...text.matchAll(/^\s*Exec\w*\s*=(.*)$/gm)].map(([, command = '']) => command);
}

/** `undefined` for one that is not there and for one that is masked: a link to /dev/null. */
async function unitText(name: string, files: FileReader): Promise<string | undefined> {
  const names = [name, name.replace(/@.+\.(?=\w+$)/, '@.')]; // an instance is made from its template
  for (const path of UNIT_FOLDERS.flatMap((folder) => [...new Set(names)].map((one) => `${folder}/${one}`))) {
    const facts = await files.facts(path, 'follow');
    if (facts === undefined) continue;
    const bytes = facts.type === 'file' ? await files.read(path) : undefined;
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
  }
  return undefined;
}
