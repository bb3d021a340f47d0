import { ambiguousFault, type FileReader, type ServerChoice } from 'certkit/plugin';
import { type Choice, type Instance, titleOf } from './instance.ts';
import { isProgramOf, pidIn, sameFile } from './paths.ts';

/** Whether all that was said is true of an instance. */
export async function fits({ binary, prefix, conf, master }: Instance, said: Choice, files: FileReader): Promise<boolean> {
  const isProgram = (path: string) => (master === undefined ? sameFile(path, binary, files) : isProgramOf(master, path, files));
  return (
    (said.binary === undefined || (await isProgram(said.binary))) &&
    (said.prefix === undefined || (await sameFile(said.prefix, prefix, files))) &&
    (said.conf === undefined || (await sameFile(said.conf, conf, files))) &&
    (said.pid === undefined || (await pidIn(said.pid, files)) === master?.pid)
  );
}

/** What is tried to tell one from the others, shortest first. `nginx` has fewer options than `nginx-custom`. */
const WAYS: readonly (readonly ('conf' | 'binary' | 'prefix')[])[] = [
  ['conf'],
  ['binary'],
  ['prefix'],
  ['conf', 'binary'],
  ['conf', 'prefix'],
  ['conf', 'binary', 'prefix'],
];
const WITHOUT_PREFIX = 'nginx';

/**
 * INSTALLER_AMBIGUOUS, with the options that choose each of the instances.
 *
 * @param others - that run as well, and cannot be chosen as long as no more is known of them
 */
export async function ambiguity(name: string, instances: readonly Instance[], others: readonly string[], files: FileReader): Promise<Error> {
  const choices = (await Promise.all(instances.map((instance) => choiceOf(name, instance, instances, files)))).filter((choice) => choice !== undefined);
  const found = [...instances.map(describe), ...others];
  const hint =
    choices.length === 0 && name === WITHOUT_PREFIX
      ? 'Use the installer nginx-custom, whose option "prefix" tells them apart.'
      : `Choose one with --${name}-conf${name === WITHOUT_PREFIX ? '' : `, --${name}-prefix`} or --${name}-binary.`;
  return ambiguousFault(`${name} found more than one server: ${found.join(', ')}`, hint, choices);
}

async function choiceOf(name: string, instance: Instance, all: readonly Instance[], files: FileReader): Promise<ServerChoice | undefined> {
  const values = { conf: instance.conf, binary: instance.master?.executable ?? instance.binary, prefix: instance.prefix };
  for (const way of name === WITHOUT_PREFIX ? WAYS.filter((one) => !one.includes('prefix')) : WAYS) {
    const options = Object.fromEntries(way.map((option) => [option, values[option]]));
    const fitting = await Promise.all(all.map((other) => fits(other, options, files)));
    if (fitting.filter(Boolean).length === 1) return { title: describe(instance), options };
  }
  return undefined;
}

function describe(instance: Instance): string {
  const { master, binary } = instance;
  return `${titleOf(instance)} (${master === undefined ? `${binary}, which does not run` : `process ${master.pid}`})`;
}
