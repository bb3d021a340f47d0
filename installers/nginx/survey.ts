import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { utf8OfLatin1 } from 'certkit/confedit';
import {
  type Address,
  type ConfigGraph,
  contentsOf,
  type HttpServer,
  type Listen,
  loadGraph,
  locationsOf,
  type ServerSurvey,
  surveyServers,
  TOP,
} from 'certkit/confedit/nginx';
import type { Endpoint, PluginContext, Site, Survey, SurveyFault } from 'certkit/plugin';
import { isAtLeast } from './build.ts';
import { type CertificateFacts, readCertificate } from './certificates.ts';
import { builtInPidFile, callArguments, type Instance, isProgramOf, pidIn, processOf, realPathOf, titleOf } from './instance.ts';
import { parseComplaint, parseDump } from './loaded-files.ts';
import { readMaster, textOf } from './masters.ts';
import { pairsInForce, whereIs } from './pairs.ts';

/** What `plan` needs beside the contract's survey. */
export interface NginxSurvey extends Survey {
  readonly nginx: NginxFacts;
}

export interface NginxFacts {
  readonly instance: Instance;
  readonly servers: ServerSurvey;
  /** Where the server and we disagree about which files make up the configuration: any site may be concerned. */
  readonly disagreements: readonly SurveyFault[];
  /** By path; of sites with more than one pair, where the key type decides which of them is meant. */
  readonly certificates: ReadonlyMap<string, CertificateFacts>;
}

const DUMP_TIMEOUT_MS = 120_000;

/** Reads the whole configuration of an instance and compares what was read with what the server says it loads. */
export async function surveyInstance(
  found: Instance,
  context: PluginContext,
  signal: AbortSignal,
): Promise<{ readonly survey: NginxSurvey; readonly instance: Instance; readonly pidFile: string }> {
  const { files } = context;
  const [graph, dump] = await Promise.all([loadGraph(found.conf, files), dumpOf(found, context, signal)]);
  const { instance, pidFile } = await completeInstance(found, graph, context);

  const servers = surveyServers(graph, {
    startedByRoot: instance.master?.startedByRoot ?? /^Uid:\s*\d+\s+0\s/m.test(await textOf(files, '/proc/self/status')),
    hostname: (await textOf(files, '/proc/sys/kernel/hostname')).trim(),
  });
  const disagreements = dump === undefined ? [] : compare(graph, dump);
  const facts: NginxFacts = { instance, servers, disagreements, certificates: await certificatesOf(servers, instance, context) };
  const running = processOf(instance);
  const survey: NginxSurvey = {
    server: {
      key: `nginx:${await realPathOf(instance.conf, files)}|${await realPathOf(instance.prefix, files)}`,
      title: titleOf(instance),
      probeable: true,
      ...(running !== undefined && { process: running }),
    },
    sites: servers.servers.map((server) => siteOf(server, facts)),
    files: graph.files.map(({ path, bytes }) => ({ path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') })),
    faults: [...graph.faults.map(({ file, line, message }) => ({ file, ...(line > 0 && { line }), because: message })), ...disagreements],
    nginx: facts,
  };
  return { survey, instance, pidFile };
}

/** Where the server is reached by a listen; `undefined` for one that it would refuse. */
export function endpointOf(listen: Listen | Address<HttpServer>['at'], proxyProtocol: boolean): Endpoint | undefined {
  switch (listen.kind) {
    case 'ip':
      return { kind: 'tcp', address: listen.address, port: listen.port, proxyProtocol };
    case 'host':
      return { kind: 'tcp', address: listen.host === 'localhost' ? '127.0.0.1' : listen.host, port: listen.port, proxyProtocol };
    case 'unix':
      return { kind: 'unix', path: listen.path, proxyProtocol };
    case 'invalid':
      return undefined;
  }
}

/** Whether connections to an address that reach the server speak TLS. `ssl on;` is gone since 1.25.1. */
export function speaksTls({ servers, instance }: Pick<NginxFacts, 'servers' | 'instance'>, address: Address<HttpServer>, server: HttpServer): boolean {
  if (address.ssl || address.quic) return true;
  const old = servers.effective(server, 'ssl').at(-1)?.directive.args[0] === 'on';
  return old && !isAtLeast(instance.build.version, '1.25.1');
}

/** The addresses that a server listens on. */
export function addressesOfServer({ addresses }: ServerSurvey, server: HttpServer): readonly Address<HttpServer>[] {
  return addresses.filter(({ servers }) => servers.includes(server));
}

function siteOf(server: HttpServer, facts: NginxFacts): Site {
  const { servers, instance } = facts;
  const pairs = pairsInForce(servers, server, instance.conf);
  const root = rootOf(server, facts);
  return {
    id: whereIs(server),
    file: server.file,
    line: server.line,
    names: server.names.map(({ text }) => text).filter((text) => text !== ''),
    listens: addressesOfServer(servers, server).flatMap((address) => {
      const endpoint = endpointOf(address.at, address.proxyProtocol);
      return endpoint === undefined ? [] : [{ endpoint, tls: speaksTls(facts, address, server), quic: address.quic }];
    }),
    pairs: pairs.ok ? pairs.pairs.map(({ certificatePath, keyPath }) => ({ certificate: certificatePath, key: keyPath })) : [],
    ...(root !== undefined && { root }),
  };
}

/** The root of `location /` where it has one, else the server's; relative to the prefix. */
function rootOf(server: HttpServer, { servers, instance }: NginxFacts): string | undefined {
  const slash = locationsOf(server).find(({ modifier, path }) => path === '/' && (modifier === '' || modifier === '^~'));
  const within = slash === undefined ? [] : contentsOf(slash.place.instance, slash.place.index).map(({ directive }) => directive);
  if (within.some(({ name }) => name === 'alias')) return undefined;
  const directive = within.findLast(({ name }) => name === 'root') ?? servers.effective(server, 'root').at(-1)?.directive;
  const path = directive?.args[0];
  return path === undefined || path.includes('$') ? undefined : resolve(instance.prefix, utf8OfLatin1(path));
}

async function certificatesOf(servers: ServerSurvey, instance: Instance, { files }: PluginContext): Promise<ReadonlyMap<string, CertificateFacts>> {
  const paths = servers.servers.flatMap((server) => {
    const found = pairsInForce(servers, server, instance.conf);
    return found.ok && found.pairs.length > 1 ? found.pairs.map(({ certificatePath }) => certificatePath) : [];
  });
  const entries = await Promise.all([...new Set(paths)].map(async (path) => [path, await readCertificate(path, files)] as const));
  return new Map(entries.flatMap(([path, facts]) => (facts === undefined ? [] : [[path, facts] as const])));
}

/**
 * The instance with what only its configuration tells: where its pid file is, and thereby a master that was not recognised
 * by its title, which is cut short where there is no room. Another program that has the number by now does not count.
 */
export async function completeInstance(
  found: Instance,
  graph: ConfigGraph,
  { files }: PluginContext,
): Promise<{ readonly instance: Instance; readonly pidFile: string }> {
  const pidFile = pidFileOf(found, graph);
  if (found.master !== undefined) return { instance: found, pidFile };
  const pid = await pidIn(found.chosenPid ?? pidFile, files);
  const master = pid === undefined ? undefined : await readMaster(pid, files);
  if (master === undefined || master.foreign || !(await isProgramOf(master, found.binary, files))) return { instance: found, pidFile };
  return { instance: { ...found, master, globals: master.given.globals, because: `process ${master.pid} of its pid file runs it` }, pidFile };
}

/** `-g` first, as nginx reads it first; then the configuration; then what was compiled in. Relative to the prefix. */
function pidFileOf(instance: Instance, graph: ConfigGraph): string {
  const said = /(?:^|;)\s*pid\s+([^\s;]+)\s*;/.exec(instance.globals ?? '')?.[1];
  const directive = contentsOf(graph.main, TOP).find(({ directive: { name } }) => name === 'pid')?.directive;
  const path = said ?? (directive === undefined ? undefined : utf8OfLatin1(directive.args[0] ?? ''));
  return path === undefined ? builtInPidFile(instance) : resolve(instance.prefix, path);
}

/** What `-T` printed; `undefined` for a server too old to know it (before 1.9.2). A configuration it refuses is its own words. */
async function dumpOf(
  instance: Instance,
  { programs }: PluginContext,
  signal: AbortSignal,
): Promise<{ readonly dump: string } | { readonly refusal: string } | undefined> {
  const { build } = instance;
  if (build.version !== undefined && !isAtLeast(build.version, '1.9.2')) return undefined;
  const { exitCode, stdout, stderr } = await programs.run(instance.binary, [...callArguments(instance), '-T', '-q'], {
    accept: [0, 1],
    timeoutMs: DUMP_TIMEOUT_MS,
    signal,
  });
  return exitCode === 0 ? { dump: stdout } : { refusal: stderr };
}

function compare(graph: ConfigGraph, answer: { readonly dump: string } | { readonly refusal: string }): readonly SurveyFault[] {
  if ('refusal' in answer) {
    const { file, line, because } = parseComplaint(answer.refusal);
    return [{ file: file ?? graph.main.file.path, ...(line !== undefined && { line }), because: `the server refuses it: ${because}` }];
  }
  const ours = new Map(graph.files.map(({ path, bytes }) => [path, bytes]));
  const theirs = new Set(parseDump(answer.dump, (path) => ours.get(path)));
  return [
    ...[...theirs]
      .filter((path) => !ours.has(path))
      .map((file) => ({ file, because: 'the server loads this file, and it was not found by following the includes' })),
    ...[...ours.keys()]
      .filter((path) => !theirs.has(path))
      .map((file) => ({ file, because: 'an include leads to this file, and the server does not load it' })),
  ];
}
