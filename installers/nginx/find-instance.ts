import { join } from 'node:path';
import { type FileReader, type PluginContext, pluginFault } from 'certkit/plugin';
import { type Asker, createAsker } from './asking.ts';
import { ambiguity, fits } from './choices.ts';
import type { Choice, Instance } from './instance.ts';
import { findMasters, type Master, seesSameFile } from './masters.ts';
import { isFile, isProgramOf, isThere, pathsOf } from './paths.ts';
import { stoppedInstance } from './stopped.ts';

/** Of a master: the instance, or why it is none of this system's, or why that cannot be told. */
type Looked = { readonly instance: Instance } | { readonly elsewhere: string } | { readonly master: Master; readonly because: string };

/**
 * The one nginx that is meant: what was said, then what runs, then what the binary says of itself.
 *
 * @param name - of the installer, for messages
 * @throws INSTALLER_NOT_FOUND naming all that was tried; INSTALLER_AMBIGUOUS when several run and nothing chooses
 */
export async function findInstance(name: string, choice: Choice, context: PluginContext): Promise<Instance> {
  const { files } = context;
  const said = await expandRoot(name, choice, files);
  const ask = createAsker(context.programs);
  const { masters, elsewhere } = await findMasters(files);

  const lookAt = async (foreign: boolean) => {
    const looked = await Promise.all(masters.filter((master) => master.foreign === foreign).map((master) => instanceOfMaster(name, master, said, files, ask)));
    return looked.filter((one) => one !== undefined);
  };
  let looked = await lookAt(false);
  // Somebody else's word counts only for the configuration that was named, and only where nobody else runs it.
  if (said.conf !== undefined && !looked.some((one) => 'instance' in one)) looked = [...looked, ...(await lookAt(true))];
  const running = withoutUpgrades(looked.flatMap((one) => ('instance' in one ? [one.instance] : [])));
  const unplaced = looked.filter((one) => 'master' in one);

  const isNothingSaid = [said.binary, said.prefix, said.conf, said.pid].every((value) => value === undefined);
  const rivals = isNothingSaid ? unplaced.filter(({ master }) => master.cutShort) : [];
  if (running.length > 1 || (running.length === 1 && rivals.length > 0)) {
    const others = rivals.map(({ because }) => because);
    throw await ambiguity(name, running, others, files);
  }
  const [found] = running;
  const beside = {
    unplaced: unplaced.map(({ because }) => because),
    passedOver: [...elsewhere.map(({ pid, where }) => `process ${pid} runs ${where}`), ...looked.flatMap((one) => ('elsewhere' in one ? [one.elsewhere] : []))],
  };
  if (found !== undefined) return { ...found, ...beside };
  const programs = unplaced.flatMap(({ master }) => (master.foreign ? [] : [programToRun(master)]));
  return stoppedInstance({ name, said, programs, ...beside }, files, ask);
}

async function expandRoot(name: string, choice: Choice, files: FileReader): Promise<Choice> {
  if (choice.root === undefined) return choice;
  const root = choice.root;
  const first = async (candidates: readonly string[]) => {
    const found = await Promise.all(candidates.map((path) => isFile(path, files)));
    return candidates.find((_, at) => found[at]);
  };
  const conf = await first(['nginx.conf', 'conf/nginx.conf', 'angie.conf', 'conf/angie.conf'].map((path) => join(root, path)));
  if (conf === undefined && choice.conf === undefined) {
    throw pluginFault(
      'INSTALLER_NOT_FOUND',
      `${name} found no server: ${root} holds neither nginx.conf nor conf/nginx.conf`,
      `Give the directory of the configuration, or the file itself with --${name}-conf.`,
    );
  }
  const ownBinary = conf?.startsWith(join(root, 'conf/')) ? await first([join(root, 'sbin/nginx'), join(root, 'sbin/angie')]) : undefined;
  return { conf, ...(ownBinary !== undefined && { binary: ownBinary, prefix: root }), ...defined(choice) };
}

function defined(choice: Choice): Choice {
  return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined));
}

/** While a binary is replaced two masters run for one configuration, the newer a child of the older: one server. So looks a worker that has just begun. */
function withoutUpgrades(instances: readonly Instance[]): readonly Instance[] {
  const isChild = ({ master, conf, prefix }: Instance) =>
    instances.some((other) => other.master?.pid === master?.parentPid && other.conf === conf && other.prefix === prefix);
  return instances.filter((instance) => !isChild(instance));
}

/** `undefined` for one that is not meant. */
async function instanceOfMaster(name: string, master: Master, said: Choice, files: FileReader, ask: Asker): Promise<Looked | undefined> {
  if (said.binary !== undefined && !(await isProgramOf(master, said.binary, files))) return undefined;
  const unplaced = (because: string) => ({ master, because: `process ${master.pid} (${master.argv.join(' ')}) ${because}` });
  if (master.cutShort) return unplaced('shows a part of its command line only');

  const running = programToRun(master);
  let binary = running;
  let answer = await ask.buildOf(running, master.actAs);
  if (answer.build === undefined && running !== master.executable) {
    binary = master.executable; // its libraries may have gone with it
    answer = await ask.buildOf(binary, master.actAs);
  }
  if (answer.build === undefined) return unplaced(`cannot be asked: ${answer.because}`);

  const { build } = answer;
  const { prefix, conf } = pathsOf(build, master.given, master.cwd);
  if (!(await isThere(conf, files))) return unplaced(`runs with ${conf}, which is not there`);
  const instance: Instance = {
    ...{ installer: name, binary, build, prefix, prefixIsItsOwn: false, conf, isConfSaid: said.conf !== undefined, globals: master.given.globals, master },
    ...{ chosenPid: said.pid, because: `process ${master.pid} runs with it`, unplaced: [], passedOver: [] },
  };
  if (!(await fits(instance, said, files))) return undefined;
  return (await seesSameFile(master.pid, conf, files)) ? { instance } : { elsewhere: `process ${master.pid} has another ${conf} (a mount namespace)` };
}

/** The kernel keeps a program that runs, whatever becomes of its file. */
function programToRun({ deleted, executable, pid }: Master): string {
  return deleted ? `/proc/${pid}/exe` : executable;
}
