import { basename, dirname, join, resolve } from 'node:path';
import { type FileReader, type PluginContext, type Programs, pluginFault, type ServerProcess } from 'certkit/plugin';
import { type Build, isAtLeast, parseBuild } from './build.ts';
import { findMasters, type Master, quietly, seesSameFile } from './masters.ts';

/** What a person may say about the server that is meant; everything else is found by asking. */
export interface Choice {
  /** A directory that holds `nginx.conf` or `conf/nginx.conf`. */
  readonly root?: string | undefined;
  readonly binary?: string | undefined;
  readonly prefix?: string | undefined;
  readonly conf?: string | undefined;
  readonly pid?: string | undefined;
}

/** One nginx: a program, the prefix and the configuration it runs with, and its master if it runs. */
export interface Instance {
  readonly binary: string;
  readonly build: Build;
  /** In force, absolute. */
  readonly prefix: string;
  /** In force, absolute, as the server resolves it; it may be a link. */
  readonly conf: string;
  /** Directives of `-g`. */
  readonly globals: string | undefined;
  readonly master: Master | undefined;
  /** Where a person says the pid file is. */
  readonly chosenPid: string | undefined;
  /** How it was decided, for people. */
  readonly because: string;
}

const PLACES = [
  '/usr/local/nginx/sbin/nginx',
  '/usr/local/sbin/nginx',
  '/usr/sbin/nginx',
  '/usr/bin/nginx',
  '/usr/local/openresty/nginx/sbin/nginx',
  '/usr/sbin/angie',
  '/opt/nginx/sbin/nginx',
  '/www/server/nginx/sbin/nginx',
];

const ASK_TIMEOUT_MS = 10_000;

/**
 * The one nginx that is meant: what was said, then what runs, then what the binary says of itself.
 *
 * @param name - of the installer, for messages
 * @throws INSTALLER_NOT_FOUND naming all that was tried; INSTALLER_AMBIGUOUS when several run and nothing chooses
 */
export async function findInstance(name: string, choice: Choice, { files, programs }: PluginContext): Promise<Instance> {
  const said = await expandRoot(name, choice, files);
  const ask = createAsker(programs);
  const running = await runningInstances(said, files, ask);
  if (running.length > 1) throw ambiguous(name, running);
  return running[0] ?? stoppedInstance(name, said, files, ask);
}

/** The arguments that every call of the program starts with: the same `-p`, `-c` and `-g` as the running server's. */
export function callArguments({ prefix, conf, globals, build }: Instance): readonly string[] {
  const quiet = isAtLeast(build.version, '1.19.5') ? ['-e', 'stderr'] : []; // else a mere test makes a log file
  return ['-p', `${prefix}/`, '-c', conf, ...(globals === undefined ? [] : ['-g', globals]), ...quiet];
}

export function titleOf({ build, conf }: Pick<Instance, 'build' | 'conf'>): string {
  return `${build.product} ${build.productVersion} at ${conf}`;
}

/** How it was started, so that it can be started again; `undefined` while it does not run. */
export function processOf({ master }: Instance): ServerProcess | undefined {
  if (master === undefined) return undefined;
  return { pid: master.pid, executable: master.executable, argv: master.argv, cwd: master.cwd };
}

/** Where the compiled-in pid file is, for a configuration without a `pid` directive. */
export function builtInPidFile({ build, prefix }: Pick<Instance, 'build' | 'prefix'>): string {
  return resolve(prefix, build.configured.get('--pid-path') ?? 'logs/nginx.pid');
}

async function expandRoot(name: string, choice: Choice, files: FileReader): Promise<Choice> {
  if (choice.root === undefined) return choice;
  const root = choice.root;
  const isFile = async (path: string) => (await quietly(files.facts(path, 'follow')))?.type === 'file';
  const candidates = [join(root, 'nginx.conf'), join(root, 'conf/nginx.conf')];
  const found = await Promise.all(candidates.map(isFile));
  const conf = candidates.find((_, at) => found[at]);
  if (conf === undefined && choice.conf === undefined) {
    throw pluginFault(
      'INSTALLER_NOT_FOUND',
      `${name} found no server: ${root} holds neither nginx.conf nor conf/nginx.conf`,
      `Give the directory of the configuration, or the file itself with --${name}-conf.`,
    );
  }
  const ownBinary = join(root, 'sbin/nginx');
  const isPrefix = conf === candidates[1] && (await isFile(ownBinary));
  return { conf, ...(isPrefix && { binary: ownBinary, prefix: root }), ...defined(choice) };
}

function defined(choice: Choice): Choice {
  return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined));
}

/** Runs `-V` once for each program. */
function createAsker(programs: Programs) {
  const answers = new Map<string, Promise<{ readonly build?: Build; readonly because: string }>>();
  const ask = async (binary: string) => {
    try {
      const { stdout, stderr } = await programs.run(binary, ['-V'], { timeoutMs: ASK_TIMEOUT_MS });
      const build = parseBuild(stderr + stdout);
      return build === undefined ? { because: `${binary} is not nginx (its answer to -V)` } : { build, because: '' };
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      return { because: code === 'EXEC_NOT_FOUND' ? `${binary} is not there` : `${binary} does not answer -V: ${message?.split('\n')[0]}` };
    }
  };
  return (binary: string) => {
    const answer = answers.get(binary) ?? ask(binary);
    answers.set(binary, answer);
    return answer;
  };
}

type Asker = ReturnType<typeof createAsker>;

async function runningInstances(said: Choice, files: FileReader, ask: Asker): Promise<readonly Instance[]> {
  const masters = (await findMasters(files)).filter(({ foreign }) => !foreign || (said.binary !== undefined && said.conf !== undefined));
  const instances = await Promise.all(masters.map((master) => instanceOfMaster(master, said, files, ask)));
  return withoutUpgrades(instances.filter((instance) => instance !== undefined));
}

/** While a binary is replaced two masters run for one configuration, the newer a child of the older: one server. */
function withoutUpgrades(instances: readonly Instance[]): readonly Instance[] {
  const isChild = ({ master, conf, prefix }: Instance) =>
    instances.some((other) => other.master?.pid === master?.parentPid && other.conf === conf && other.prefix === prefix);
  return instances.filter((instance) => !isChild(instance));
}

async function instanceOfMaster(master: Master, said: Choice, files: FileReader, ask: Asker): Promise<Instance | undefined> {
  if (said.binary !== undefined && !(await isProgramOf(master, said.binary, files))) return undefined;
  // After an upgrade the file may have gone to another place; the kernel still has it.
  const isThere = said.binary !== undefined || !master.deleted || (await quietly(files.facts(master.executable, 'follow'))) !== undefined;
  const binary = said.binary ?? (isThere ? master.executable : `/proc/${master.pid}/exe`);
  const { build } = await ask(binary);
  if (build === undefined) return undefined;

  const { prefix, conf: readConf } = pathsOf(build, master.given, master.cwd);
  // A title is cut short where the server was started with next to no environment.
  const conf = (await quietly(files.facts(readConf, 'follow'))) === undefined && said.conf?.startsWith(readConf) ? said.conf : readConf;
  if ((await quietly(files.facts(conf, 'follow'))) === undefined) return undefined;
  const isMeant =
    (said.prefix === undefined || (await sameFile(said.prefix, prefix, files))) &&
    (said.conf === undefined || (await sameFile(said.conf, conf, files))) &&
    (said.pid === undefined || (await pidIn(said.pid, files)) === master.pid);
  if (!isMeant || !(await seesSameFile(master.pid, conf, files))) return undefined;
  return { binary, build, prefix, conf, globals: master.given.globals, master, chosenPid: said.pid, because: `process ${master.pid} runs with it` };
}

/** By the file that runs, or by the path it was started with: a new build moves the old file aside. */
export async function isProgramOf({ executable, argv, cwd }: Master, binary: string, files: FileReader): Promise<boolean> {
  const [program = ''] = argv;
  return (await sameFile(binary, executable, files)) || (program.includes('/') && (await sameFile(binary, resolve(cwd, program), files)));
}

async function stoppedInstance(name: string, said: Choice, files: FileReader, ask: Asker): Promise<Instance> {
  const tried: string[] = [];
  for (const binary of said.binary === undefined ? ['nginx', ...PLACES] : [said.binary]) {
    const { build, because } = await ask(binary);
    if (build === undefined) {
      tried.push(because);
      continue;
    }
    const { prefix, conf } = pathsOf(build, said, '/');
    if ((await quietly(files.facts(conf, 'follow'))) === undefined) {
      tried.push(`${binary} has its configuration at ${conf}, which is not there`);
      continue;
    }
    return { binary, build, prefix, conf, globals: undefined, master: undefined, chosenPid: said.pid, because: `${binary} says so; no process runs with it` };
  }
  const hint = `Name the program with --${name}-binary${said.conf === undefined ? `, and its configuration with --${name}-conf` : ''}.`;
  throw pluginFault('INSTALLER_NOT_FOUND', `${name} found no server: no process of it runs; ${tried.join('; ')}`, hint);
}

/** `-c` and the paths given to configure are relative to the prefix in force, `-p` to the working directory. */
function pathsOf(build: Build, given: { readonly prefix?: string | undefined; readonly conf?: string | undefined }, cwd: string) {
  const prefix = resolve(cwd, given.prefix ?? build.configured.get('--prefix') ?? '/usr/local/nginx');
  return { prefix, conf: resolve(prefix, given.conf ?? build.configured.get('--conf-path') ?? 'conf/nginx.conf') };
}

export async function pidIn(path: string, files: FileReader): Promise<number | undefined> {
  const bytes = await quietly(files.read(path));
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

async function sameFile(a: string, b: string, files: FileReader): Promise<boolean> {
  if (a === b) return true;
  const [realA, realB] = await Promise.all([a, b].map((path) => realPathOf(path, files)));
  return realA === realB;
}

/** The real path, also of a file that is gone from a directory that is there. */
export async function realPathOf(path: string, files: FileReader): Promise<string> {
  const real = await quietly(files.realPath(path));
  if (real !== undefined) return real;
  const above = await quietly(files.realPath(dirname(path)));
  return above === undefined ? resolve(path) : join(above, basename(path));
}

function ambiguous(name: string, running: readonly Instance[]): Error {
  const found = running.map((instance) => `${titleOf(instance)} (process ${instance.master?.pid})`);
  return pluginFault(
    'INSTALLER_AMBIGUOUS',
    `${name} found more than one server: ${found.join(', ')}`,
    `Choose one with --${name}-conf, --${name}-prefix or --${name}-binary.`,
  );
}
