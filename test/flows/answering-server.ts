import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { difference } from '../../core/edges/difference.ts';
import type { Needs } from '../../core/flows/needs.ts';
import type { Event } from '../../core/model/event.ts';
import type { ChangePlan, ServerAuthenticator, ServerTask, Survey } from '../../plugins/contract.ts';
import { tempDir } from '../parts/temp.ts';
import { files, freshHome } from '../store/home.ts';

export const KEY = 'answering:1';
export const CHOICE = { plugin: 'answering', options: {} };
export const SITES = `# sites
site a.test {
    root /srv/a;
}
site b.test {
    root /srv/b;
}
`;
const AT_80 = { kind: 'tcp', address: '127.0.0.1', port: 80, proxyProtocol: false } as const;

/** What a CA asks of a name. */
export const taskOf = (name: string): ServerTask => ({
  lineage: name,
  task: {
    type: 'http-01',
    lineage: name,
    identifier: { kind: 'dns', value: name, wildcard: false },
    token: `token-${name}`,
    keyAuthorization: `token-${name}.thumbprint`,
  },
});

/** A server that answers by blocks `answer TOKEN { with KEYAUTHORIZATION; }` of its one file, and a home with needs for flows. */
export async function openAnsweringServer() {
  const home = await freshHome();
  const folder = tempDir();
  onTestFinished(folder.remove);
  const path = join(folder.path, 'sites.conf');
  writeFileSync(path, SITES);
  let loaded = SITES;
  let reloads = 0;
  let nowMs = 0;
  const told: Event[] = [];

  const text = () => readFileSync(path, 'utf8');
  const server = { key: KEY, title: 'the answering server', probeable: true, process: { pid: 1, executable: '/sbin/answering', argv: [], cwd: '/' } };
  const survey = async (): Promise<Survey> => {
    const bytes = readFileSync(path);
    return { server, sites: [], faults: [], files: [{ path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }] };
  };
  const plan = (tasks: readonly ServerTask[], { files: [file] }: Survey): ChangePlan => ({
    splices: tasks.map(({ lineage, task }) => {
      const opening = `site ${task.identifier.value} {\n`;
      const insert = `    answer ${task.token} {\n        with ${task.keyAuthorization};\n    }\n`;
      return { file: path, sha256: file?.sha256 ?? '', offset: text().indexOf(opening) + opening.length, delete: 0, insert, lineage };
    }),
    files: [],
    commands: [],
    serves: tasks.map(({ lineage, task }) => ({ lineage, name: task.identifier.value, endpoint: AT_80, added: false })),
    refusals: [],
    notes: [],
  });
  const plugin: ServerAuthenticator = {
    through: 'server',
    unattended: true,
    assess: () => ({ able: true, challenges: ['http-01'] }),
    survey,
    plan,
    test: async () => {},
    async reload() {
      reloads++;
      loaded = text();
    },
  };
  const unused = async (): Promise<never> => {
    throw new Error('nobody asks for this here');
  };
  const needs: Needs = {
    store: home.store,
    files,
    difference,
    clock: {
      nowMs: () => nowMs,
      async sleep(ms) {
        nowMs += ms;
        await new Promise((turn) => setImmediate(turn));
      },
    },
    random: { hex: (bytes) => 'ab'.repeat(bytes), fraction: () => 0 },
    programs: { run: unused },
    ca: {} as Needs['ca'],
    plugins: {
      server: async () => plugin,
      staged: async () => plugin,
      withoutSecrets: async (_, choice) => choice,
    } satisfies Partial<Needs['plugins']> as unknown as Needs['plugins'], // the others are for nobody here
    servedPaths: { find: async () => new Map() },
    probe: {
      localAddresses: () => ['127.0.0.1'],
      handshake: unused,
      async ask({ path: asked }) {
        const token = asked.slice(asked.lastIndexOf('/') + 1);
        const body = new RegExp(`answer ${token} {\\s*with (.*);`).exec(loaded)?.[1];
        return { kind: 'answered', status: body === undefined ? 404 : 200, body: body ?? '' };
      },
    },
    servers: { isRunning: async () => true, holderOf: async () => undefined, startAgain: unused },
    staging: { open: async () => ({ programs: { run: unused } }) },
    tell: (event) => void told.push(event),
    signal: new AbortController().signal,
    unfinished: new Set(),
    stuck: new Map(),
    unrecovered: { entries: [], postHooks: [] },
    watched: false,
  };
  return {
    home,
    needs,
    plugin,
    told,
    path,
    text,
    edit: (change: (before: string) => string) => writeFileSync(path, change(text())),
    loaded: () => loaded,
    reloads: () => reloads,
    journal: async () => (await home.store.journal()).entries,
  };
}
