import { crossplaneFilesOf } from './crossplane-files.ts';
import { payloadOf, type Status, statusOf } from './crossplane-print.ts';
import { type ConfigGraph, type ConfigReader, loadGraph } from './graph.ts';

const CHUNK_CHARS = 65_536;

/** Which configuration, and what of it. Paths are absolute. */
export interface DumpRequest {
  /** The main file. */
  readonly conf?: string;
  /** A prefix as of `nginx -p`, for when the main file is not named. */
  readonly prefix?: string;
  /** Includes are not followed. */
  readonly singleFile: boolean;
  readonly comments: boolean;
}

export interface DumpNeeds {
  readonly files: ConfigReader;
  /** The main file of this machine's nginx, for when nothing is named. */
  installed(): Promise<string>;
}

/**
 * Writes a configuration as the JSON payload of nginx's crossplane, and a line end.
 *
 * Nothing is thrown for what stands in the files, or for a file that is missing: the payload says so, and the answer is `failed`.
 */
export async function dumpNginx(request: DumpRequest, { files, installed }: DumpNeeds, write: (text: string) => Promise<void>): Promise<Status> {
  const { prefix, singleFile, comments } = request;
  const conf = request.conf ?? (prefix === undefined ? await installed() : await mainFileBelow(prefix, files));
  const absent = new Set<string>();
  const graph = await loadGraph(conf, notingAbsent(singleFile ? onlyFile(files, conf) : files, absent));
  const dumped = crossplaneFilesOf(singleFile ? withoutIncludes(graph) : graph, absent);

  let chunk = '';
  for (const piece of payloadOf(dumped, comments)) {
    chunk += piece;
    if (chunk.length < CHUNK_CHARS) continue;
    await write(chunk);
    chunk = '';
  }
  await write(chunk);
  return statusOf(dumped.flatMap(({ errors }) => errors));
}

function notingAbsent(files: ConfigReader, absent: Set<string>): ConfigReader {
  return {
    ...files,
    read: async (path) => {
      const bytes = await files.read(path);
      if (bytes === undefined) absent.add(path);
      return bytes;
    },
  };
}

function onlyFile(files: ConfigReader, conf: string): ConfigReader {
  return { ...files, read: async (path) => (path === conf ? files.read(path) : undefined), list: async () => undefined };
}

/** As if it had no includes, and so none that is wrong. */
function withoutIncludes(graph: ConfigGraph): ConfigGraph {
  return { ...graph, main: { ...graph.main, includes: new Map() }, faults: graph.faults.filter(({ place }) => place === undefined) };
}

/** `conf/nginx.conf`, which nginx has compiled in unless told otherwise; else `nginx.conf` where that is there. */
async function mainFileBelow(prefix: string, files: ConfigReader): Promise<string> {
  const [usual, direct] = [`${prefix}/conf/nginx.conf`, `${prefix}/nginx.conf`];
  const isDirect = (await files.realPath(usual)) === undefined && (await files.realPath(direct)) !== undefined;
  return isDirect ? direct : usual;
}
