import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { applySplices } from 'certkit/confedit';
import type { ChangePlan, FileReader, LineageRequest, PluginContext, Programs } from 'certkit/plugin';
import { parseBuild } from '../../../installers/nginx/build.ts';
import type { Instance } from '../../../installers/nginx/instance.ts';
import { planDeployment } from '../../../installers/nginx/plan.ts';
import { type NginxSurvey, surveyInstance } from '../../../installers/nginx/survey.ts';

/** Files by path, each as its text; a path that ends in ` -> target` is a link. */
export type Files = Readonly<Record<string, string>>;

export const LIVE = '/etc/certkit/live';

/** Looks into literals as if they were the file system. */
export function literalFiles(files: Files): FileReader {
  const links = new Map(
    Object.keys(files).flatMap((name) => {
      const [from, to] = name.split(' -> ');
      return to === undefined ? [] : [[from as string, to]];
    }),
  );
  const paths = [...Object.keys(files).filter((name) => !name.includes(' -> ')), ...links.keys()];
  const real = (path: string) => links.get(path) ?? path;
  const isDirectory = (path: string) => paths.some((one) => one.startsWith(`${path}/`));
  return {
    async read(path) {
      const text = files[real(path)];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
    async list(path) {
      const base = path.endsWith('/') ? path : `${path}/`;
      const names = paths.filter((one) => one.startsWith(base)).map((one) => one.slice(base.length).split('/')[0] as string);
      return names.length === 0 ? undefined : [...new Set(names)].sort();
    },
    async facts(path) {
      const target = real(path);
      if (files[target] === undefined && !isDirectory(target)) return undefined;
      return { type: files[target] === undefined ? 'directory' : 'file', size: 0, mode: 0o644, uid: 0, gid: 0, links: 1, modifiedMs: 0 };
    },
    readLink: async (path) => links.get(path),
    realPath: async (path) => (files[real(path)] !== undefined || isDirectory(path) ? real(path) : undefined),
  };
}

export const CONF = '/etc/nginx/nginx.conf';

export function literalInstance(): Instance {
  const build = parseBuild('nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf\n');
  if (build === undefined) throw new Error('no build');
  return {
    installer: 'nginx',
    binary: '/usr/sbin/nginx',
    build,
    prefix: '/usr/share/nginx',
    prefixIsItsOwn: false,
    conf: CONF,
    isConfSaid: false,
    globals: undefined,
    master: undefined,
    chosenPid: undefined,
    because: 'test',
    unplaced: [],
    passedOver: [],
  };
}

/** Answers `-T` with every file that is below /etc/nginx, or as told. */
function literalPrograms(files: Files, dumped: (path: string) => boolean): Programs {
  const paths = Object.keys(files)
    .map((name) => name.split(' -> ')[0] as string)
    .filter((path) => path.startsWith('/etc/nginx/') && dumped(path));
  const textOf = (path: string) => files[path] ?? '';
  return { run: async () => ({ exitCode: 0, stdout: paths.map((path) => `# configuration file ${path}:\n${textOf(path)}\n`).join(''), stderr: '' }) };
}

export async function surveyOf(files: Files, dumped: (path: string) => boolean = (path) => !path.includes('unused')): Promise<NginxSurvey> {
  const context: PluginContext = { files: literalFiles(files), programs: literalPrograms(files, dumped), log: { debug() {}, warn() {} } };
  const { survey } = await surveyInstance(literalInstance(), context, new AbortController().signal);
  return survey;
}

export function lineageOf(names: readonly string[], change: Partial<LineageRequest> & { keyTypes?: readonly ('ecdsa' | 'rsa')[] } = {}): LineageRequest {
  const { keyTypes = ['ecdsa'], ...rest } = change;
  const lineage = rest.lineage ?? (names[0] as string);
  return {
    lineage,
    identifiers: names.map((value) => ({ kind: 'dns', value, wildcard: value.startsWith('*.') }) as const),
    pairs: keyTypes.map((keyType) => {
      const folder = keyTypes.length === 1 ? `${LIVE}/${lineage}` : `${LIVE}/${lineage}/${keyType}`;
      return { keyType, fullchain: `${folder}/fullchain.pem`, certificate: `${folder}/cert.pem`, chain: `${folder}/chain.pem`, key: `${folder}/privkey.pem` };
    }),
    structure: 'may-change',
    ...rest,
  };
}

export async function planOf(files: Files, lineages: readonly LineageRequest[], tlsPort = 443): Promise<ChangePlan> {
  return planDeployment({ lineages, liveRoot: LIVE }, await surveyOf(files), { tlsPort, redirect: false, hsts: undefined, tlsProfile: undefined });
}

/** The files as they are once a plan is applied. */
export function applied(files: Files, plan: ChangePlan): Files {
  const result: Record<string, string> = { ...files };
  for (const path of new Set(plan.splices.map(({ file }) => file))) {
    const before = new TextEncoder().encode(files[path]);
    const own = plan.splices.filter(({ file }) => file === path);
    if (own.some(({ sha256 }) => sha256 !== createHash('sha256').update(before).digest('hex'))) throw new Error(`${path} is not what was surveyed`);
    result[path] = new TextDecoder().decode(applySplices(before, own));
  }
  return result;
}

/** The lines that go and come, by file name: `-old`, `+new`. */
export function changedLines(files: Files, plan: ChangePlan): Readonly<Record<string, readonly string[]>> {
  const after = applied(files, plan);
  return Object.fromEntries(
    Object.keys(files)
      .filter((path) => files[path] !== after[path])
      .map((path) => {
        const [old, now] = [files, after].map((all) => (all[path] as string).split('\n')) as [string[], string[]];
        const gone = old.filter((line) => !now.includes(line));
        const come = now.filter((line) => !old.includes(line));
        return [path.slice(dirname(CONF).length + 1), [...gone.map((line) => `-${line}`), ...come.map((line) => `+${line}`)]];
      }),
  );
}
