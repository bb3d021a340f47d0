import { resolve } from 'node:path';
import { utf8OfLatin1 } from 'certkit/confedit';
import { type ConfigGraph, contentsOf, TOP } from 'certkit/confedit/nginx';
import { type FileReader, type PluginContext, pluginFault } from 'certkit/plugin';
import { builtInPidFile, type Instance, titleOf } from './instance.ts';
import { type Master, readMaster } from './masters.ts';
import { isProgramOf, isThere, pathsOf, pidIn, sameFile } from './paths.ts';

/** An instance with what only its configuration tells. */
export interface WholeInstance {
  readonly instance: Instance;
  /** `-s reload` signals the process that is named there. */
  readonly pidFile: string;
}

/**
 * The instance with its pid file, and thereby a master that its title did not tell, for want of room. Another program that has
 * the number by now does not count.
 *
 * @throws INSTALLER_NOT_FOUND when a master runs whose configuration cannot be told; INSTALLER_AMBIGUOUS while an upgrade is under way
 */
export async function completeInstance(found: Instance, graph: ConfigGraph, { files }: PluginContext): Promise<WholeInstance> {
  const pidFile = pidFileOf(found, graph);
  if (found.master !== undefined) {
    if ((await pidIn(`${pidFile}.oldbin`, files)) === found.master.pid) throw upgradeUnderWay(found, found.master.pid, await pidIn(pidFile, files));
    return { instance: found, pidFile };
  }
  const pid = await pidIn(found.chosenPid ?? pidFile, files);
  const master = pid === undefined ? undefined : await readMaster(pid, files);
  if (master !== undefined && (await isMasterOf(found, master, pidFile, files))) {
    const because = `process ${master.pid} of its pid file ${pidFile} runs it`;
    return { instance: { ...found, master, globals: wholeGlobals(master), because }, pidFile };
  }
  if (found.unplaced.length > 0 && !found.isConfSaid) throw untold(found);
  return { instance: found, pidFile };
}

/**
 * By its program, and by the configuration that its title names, if it does. One without room for that, and one that somebody
 * else started, must be in the pid file of this very configuration.
 */
async function isMasterOf({ binary, build, conf }: Instance, master: Master, pidFile: string, files: FileReader): Promise<boolean> {
  if (!(await isProgramOf(master, binary, files))) return false;
  const named = pathsOf(build, master.given, master.cwd).conf;
  const isTold = !master.cutShort && (await isThere(named, files));
  if (isTold && !(await sameFile(named, conf, files))) return false;
  return (isTold && !master.foreign) || (await pidIn(pidFile, files)) === master.pid;
}

/** The end of a title that was cut short may be a part of a word. */
function wholeGlobals({ cutShort, given, argv }: Master): string | undefined {
  return cutShort && argv.at(-1) === given.globals ? undefined : given.globals;
}

/** `-g` first, as nginx reads it first; then the configuration; then what was compiled in. Relative to the prefix. */
function pidFileOf(instance: Instance, graph: ConfigGraph): string {
  const said = /(?:^|;)\s*pid\s+([^\s;]+)\s*;/.exec(instance.globals ?? '')?.[1];
  const directive = contentsOf(graph.main, TOP).find(({ directive: { name } }) => name === 'pid')?.directive;
  const path = said ?? (directive === undefined ? undefined : utf8OfLatin1(directive.args[0] ?? ''));
  return path === undefined ? builtInPidFile(instance) : resolve(instance.prefix, path);
}

function untold({ installer, unplaced, conf }: Instance): Error {
  return pluginFault(
    'INSTALLER_NOT_FOUND',
    `${installer} cannot tell which configuration a running server has: ${unplaced.join('; ')}`,
    `Name it with --${installer}-conf; it may be ${conf}, whose pid file does not lead to that process.`,
  );
}

function upgradeUnderWay(instance: Instance, older: number, newer: number | undefined): Error {
  return pluginFault(
    'INSTALLER_AMBIGUOUS',
    `${titleOf(instance)} is being upgraded: process ${older} and its successor${newer === undefined ? '' : ` ${newer}`} both answer, and a reload would reach one of them`,
    `End the upgrade with "kill -QUIT ${older}"${newer === undefined ? '' : `, or take it back with "kill -QUIT ${newer}" after "kill -HUP ${older}"`}; then run certkit again.`,
  );
}
