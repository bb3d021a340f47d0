import { dirname } from 'node:path';
import { type FileReader, pluginFault } from 'certkit/plugin';
import type { Asker } from './asking.ts';
import { UNKNOWN_BUILD } from './build.ts';
import { ambiguity } from './choices.ts';
import type { Choice, Instance } from './instance.ts';
import { isThere, pathsOf, realPathOf } from './paths.ts';

const ON_PATH = ['nginx', 'angie', 'openresty', 'freenginx', 'tengine'];
const PLACES = [
  '/usr/local/nginx/sbin/nginx',
  '/usr/local/sbin/nginx',
  '/usr/sbin/nginx',
  '/usr/bin/nginx',
  '/usr/local/openresty/nginx/sbin/nginx',
  '/usr/sbin/angie',
  '/usr/local/angie/sbin/angie',
  '/usr/local/tengine/sbin/nginx',
  '/opt/nginx/sbin/nginx',
  '/www/server/nginx/sbin/nginx',
];

export interface Search {
  /** Of the installer, for messages. */
  readonly name: string;
  readonly said: Choice;
  /** Programs of masters that run with who knows what. */
  readonly programs: readonly string[];
  readonly unplaced: readonly string[];
  readonly passedOver: readonly string[];
}

/**
 * The instance that the programs themselves tell of, where none is known to run: the program that was said, else the first of
 * what runs and what PATH has, else the only one at known places.
 *
 * @throws INSTALLER_NOT_FOUND naming all that was tried; INSTALLER_AMBIGUOUS
 */
export async function stoppedInstance(search: Search, files: FileReader, ask: Asker): Promise<Instance> {
  const { name, said } = search;
  const tried: string[] = [];
  const lookAt = async (binary: string) => {
    const found = await instanceOf(binary, search, files, ask);
    if (typeof found !== 'string') return found;
    tried.push(found);
    return undefined;
  };

  for (const binary of said.binary === undefined ? search.programs : [said.binary]) {
    const found = await lookAt(binary);
    if (found !== undefined) return found;
  }
  if (said.binary === undefined) {
    for (const program of ON_PATH) {
      const path = await ask.onPath(program);
      const found = path && (await lookAt(path));
      if (found) return found;
      if (path === undefined && program === 'nginx') tried.push('PATH has no nginx');
    }
    const places = await distinct(PLACES, files);
    const found = (await Promise.all(places.map(lookAt))).filter((one) => one !== undefined);
    if (found.length > 1) throw await ambiguity(name, found, [], files);
    if (found[0] !== undefined) return found[0];
    if (places.length === 0) tried.push(`none of ${PLACES.join(', ')} is there`);
  }
  const hint = `Name the program with --${name}-binary${said.conf === undefined ? `, and its configuration with --${name}-conf` : ''}.`;
  const none = search.unplaced.length + search.passedOver.length === 0 ? ['no process of it runs'] : [...search.unplaced, ...search.passedOver];
  throw pluginFault('INSTALLER_NOT_FOUND', `${name} found no server: ${[...none, ...tried].join('; ')}`, hint);
}

/** The instance, or why there is none. */
async function instanceOf(binary: string, { name, said, unplaced, passedOver }: Search, files: FileReader, ask: Asker): Promise<Instance | string> {
  const answer = await ask.buildOf(binary);
  const { build } = answer;
  const common = {
    installer: name,
    binary,
    isConfSaid: said.conf !== undefined,
    globals: undefined,
    master: undefined,
    chosenPid: said.pid,
    unplaced,
    passedOver,
  };
  if (build !== undefined) {
    const paths = pathsOf(build, said, '/');
    if (await isThere(paths.conf, files)) {
      const because = said.conf === undefined ? `${binary} -V says so` : 'it was named, with what the program says of itself (-V)';
      return { ...common, ...paths, build, prefixIsItsOwn: false, because };
    }
    if (said.conf !== undefined) return `${paths.conf} is not there`;
  }
  // A program that was wrapped or changed may know better than what was given to configure.
  const conf = await ask.testedConf(binary);
  if (conf !== undefined && (await isThere(conf, files))) {
    const prefix = said.prefix ?? build?.configured.get('--prefix') ?? dirname(conf);
    const because = `${binary} -t names ${conf}; -V does not`;
    return { ...common, prefix, prefixIsItsOwn: said.prefix === undefined, conf: said.conf ?? conf, build: build ?? UNKNOWN_BUILD, because };
  }
  return answer.build === undefined ? answer.because : `${binary} has its configuration at ${pathsOf(answer.build, said, '/').conf}, which is not there`;
}

async function distinct(paths: readonly string[], files: FileReader): Promise<readonly string[]> {
  const there: string[] = [];
  for (const path of paths) if (await isThere(path, files)) there.push(path);
  const real = await Promise.all(there.map((path) => realPathOf(path, files)));
  return there.filter((_, at) => real.indexOf(real[at] as string) === at);
}
