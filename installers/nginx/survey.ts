import { hash } from 'node:crypto';
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
} from 'certkit/confedit/nginx';
import type { Endpoint, FileReader, PluginContext, Site, Survey, SurveyFault } from 'certkit/plugin';
import { parseAccount } from './account.ts';
import { createAloofness } from './aloof.ts';
import { isAtLeast } from './build.ts';
import { type CertificateFacts, readCertificate } from './certificates.ts';
import { readProfiles } from './enhancements/profile-file.ts';
import { type Instance, processOf, titleOf } from './instance.ts';
import { disagreementsOf, dumpOf } from './loaded-files.ts';
import { textOf } from './masters.ts';
import { type PairsInForce, pairsInForce, whereIs } from './pairs.ts';
import { realPathOf } from './paths.ts';
import { completeInstance, type WholeInstance } from './pid-file.ts';

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
  /** By path; the files of TLS profiles that are there, whether an include names them or not. */
  readonly profiles: ReadonlyMap<string, Uint8Array>;
}

/** Reads the whole configuration of an instance and compares what was read with what the server says it loads. */
export async function surveyInstance(found: Instance, context: PluginContext, signal: AbortSignal): Promise<WholeInstance & { readonly survey: NginxSurvey }> {
  const { files } = context;
  // The server reads its files while we do, unless only they tell who runs it: it is tested as nobody else than that.
  const early = found.master && dumpOf(found, context, signal);
  early?.catch(() => {}); // what fails first is told, and that may be ours
  const graph = await loadGraph(found.conf, files);
  const whole = await completeInstance(found, graph, context);
  const { instance } = whole;
  const [dump, { sites, facts }] = await Promise.all([early ?? dumpOf(instance, context, signal), readSites(graph, instance, context)]);

  const disagreements = disagreementsOf(graph, dump);
  const running = processOf(instance);
  const survey: NginxSurvey = {
    server: {
      key: `nginx:${await realPathOf(instance.conf, files)}|${await realPathOf(instance.prefix, files)}`,
      title: titleOf(instance),
      probeable: true,
      ...(running !== undefined && { process: running }),
    },
    sites,
    files: graph.files.map(({ path, bytes }) => ({ path, bytes, sha256: hash('sha256', bytes) })),
    faults: [...graph.faults.map(({ file, line, message }) => ({ file, ...(line > 0 && { line }), because: message })), ...disagreements],
    ...('tookMs' in dump && { testedInMs: dump.tookMs }),
    nginx: { ...facts, disagreements },
  };
  return { ...whole, survey };
}

async function readSites(
  graph: ConfigGraph,
  instance: Instance,
  { files }: PluginContext,
): Promise<{ readonly sites: readonly Site[]; readonly facts: Omit<NginxFacts, 'disagreements'> }> {
  const servers = surveyServers(graph, {
    startedByRoot: instance.master?.startedByRoot ?? parseAccount(await textOf(files, '/proc/self/status'))?.uid === 0,
    hostname: (await textOf(files, '/proc/sys/kernel/hostname')).trim(),
  });
  const pairs = servers.servers.map((server) => pairsInForce(servers, server, instance.conf));
  const facts = { instance, servers, certificates: await certificatesOf(pairs, files), profiles: await readProfiles(instance.conf, files) };
  const whyAloof = createAloofness(servers);
  const sites = servers.servers.map((server, at) => {
    const own = pairs[at] as PairsInForce;
    return siteOf(server, own, whyAloof(server, own), facts);
  });
  return { sites, facts };
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

type Surroundings = Pick<NginxFacts, 'servers' | 'instance'>;

function siteOf(server: HttpServer, pairs: PairsInForce, aloof: string | undefined, facts: Surroundings): Site {
  const root = rootOf(server, facts);
  return {
    id: whereIs(server),
    file: server.file,
    line: server.line,
    names: server.names.map(({ text }) => text).filter((text) => text !== ''),
    listens: facts.servers.addressesOf(server).flatMap((address) => {
      const endpoint = endpointOf(address.at, address.proxyProtocol);
      return endpoint === undefined ? [] : [{ endpoint, tls: speaksTls(facts, address, server), quic: address.quic }];
    }),
    pairs: pairs.ok ? pairs.pairs.map(({ certificatePath, keyPath }) => ({ certificate: certificatePath, key: keyPath })) : [],
    ...(root !== undefined && { root }),
    ...(aloof !== undefined && { aloof }),
  };
}

/** The root of `location /` where it has one, else the server's; relative to the prefix. */
function rootOf(server: HttpServer, { servers, instance }: Surroundings): string | undefined {
  const slash = locationsOf(server).find(({ modifier, path }) => path === '/' && (modifier === '' || modifier === '^~'));
  const within = slash === undefined ? [] : contentsOf(slash.place.instance, slash.place.index).map(({ directive }) => directive);
  if (within.some(({ name }) => name === 'alias')) return undefined;
  const directive = within.findLast(({ name }) => name === 'root') ?? servers.effective(server, 'root').at(-1)?.directive;
  const path = directive?.args[0];
  return path === undefined || path.includes('$') ? undefined : resolve(instance.prefix, utf8OfLatin1(path));
}

/** Of blocks with several pairs: there the key type decides which of them is meant. */
async function certificatesOf(pairs: readonly PairsInForce[], files: FileReader): Promise<ReadonlyMap<string, CertificateFacts>> {
  const paths = pairs.flatMap((found) => (found.ok && found.pairs.length > 1 ? found.pairs.map(({ certificatePath }) => certificatePath) : []));
  const entries = await Promise.all([...new Set(paths)].map(async (path) => [path, await readCertificate(path, files)] as const));
  return new Map(entries.flatMap(([path, facts]) => (facts === undefined ? [] : [[path, facts] as const])));
}
