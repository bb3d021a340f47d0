import { type ConfigReader, loadGraph } from '../../../core/confedit/nginx/graph.ts';
import { type ServerSurvey, surveyServers } from '../../../core/confedit/nginx/servers.ts';

/** A file system that is a list of texts; `links` lead from a path to another. */
export function readerOf(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): ConfigReader {
  const paths = [...Object.keys(files), ...Object.keys(links)];
  const target = (path: string) => links[path] ?? path;
  return {
    read: async (path) => {
      const text = files[target(path)];
      return text === undefined ? undefined : new Uint8Array(Buffer.from(text));
    },
    list: async (directory) => {
      const prefix = directory === '/' ? '/' : `${directory}/`;
      const below = paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length).split('/')[0] as string);
      return below.length === 0 ? undefined : [...new Set(below)];
    },
    realPath: async (path) => (files[target(path)] === undefined ? undefined : target(path)),
  };
}

export async function surveyOf(files: Readonly<Record<string, string>>, links?: Readonly<Record<string, string>>): Promise<ServerSurvey> {
  return surveyServers(await loadGraph('/etc/nginx/nginx.conf', readerOf(files, links)), { startedByRoot: true, hostname: 'Host.Example' });
}
