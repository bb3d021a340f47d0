import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Home, printed, type Result, type Running, temporaryHome } from '../../e2e/certkit.ts';
import { servedCertificate } from '../../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../../parts/nginx-centmin.ts';
import type { Site, SiteOptions } from '../../parts/nginx-site.ts';
import type { Ca } from './ca.ts';
import { createScripts, type Scripts } from './scripts.ts';

/** An error as `--json` carries it. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Deployment {
  readonly lineage: string;
  readonly result: string;
  readonly version?: number;
  readonly servers?: readonly string[];
  readonly error?: Told;
  readonly setbacks?: readonly { readonly server: string; readonly error: Told }[];
}

/** One run of certkit, as a person and a program see it. */
export interface Seen {
  readonly exitCode: number | null;
  /** All that people read, without indentation. */
  readonly words: string;
  readonly error: Told | undefined;
  readonly failures: readonly Told[];
  /** What became of a lineage; fails the test when the run says nothing of it. */
  deployment(lineage: string): Deployment;
  /** All of it, for a test's message. */
  readonly all: string;
}

export interface LineageOptions {
  readonly name: string;
  readonly names?: readonly string[];
  readonly webroot: string;
  /** More members of its file. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly installers?: readonly object[];
}

/** A server with scripts of ours, and what is seen of it. */
export interface Server {
  readonly nginx: SourceNginx;
  readonly sites: readonly Site[];
  readonly scripts: Scripts;
  /** The installer as a lineage's file chooses it. */
  readonly installer: Readonly<Record<string, unknown>>;
  /** What it shows for a name: the SHA-256 of the leaf; `nothing` where there is no handshake. */
  served(name: string): Promise<string>;
  /** Everything that must be as it was when a deployment has gone back: bytes of configuration, and handshakes at every name. */
  picture(): Promise<unknown>;
  /** No temporary file is beside its own, and it accepts its configuration. */
  expectSound(): void;
}

/** A server, a home, and a lineage for each site: what one test plays with. */
export interface Scene extends Server {
  readonly home: Home;
  writeLineage(options: LineageOptions): void;
  certkit(...args: readonly string[]): Promise<Seen>;
  /** The same, not waited for. */
  start(...args: readonly string[]): { readonly running: Running; readonly seen: Promise<Seen> };
  /** The leaf of a version in the archive. */
  leafOf(lineage: string, version: number): string;
  /** Where a live link leads, as text; `nowhere` without one. */
  live(lineage: string): string;
  status(lineage: string): Promise<Readonly<Record<string, unknown>>>;
  /** Nothing is under way, half-done or left behind, and the server accepts its configuration. */
  expectAtRest(): void;
  /** What the journal holds, by entry. */
  journal(): readonly string[];
  /** Lets the rest after a failure be over, as if hours had gone by. */
  hoursGoBy(lineage: string): void;
}

export interface SceneOptions {
  readonly sites: readonly SiteOptions[];
  /** Of certkit.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Options of the installer. */
  readonly installer?: Readonly<Record<string, unknown>>;
  /** False where the test writes the lineages. */
  readonly lineages?: boolean;
  readonly start?: boolean;
  /** How the server is told where its files are. */
  readonly prefixBy?: 'compiled-in' | 'arguments';
}

/** Deploys at once and gives up soon. */
const SETTINGS = { probe_timeout: '3 s', deploy_before: 'immediately' };

type Later = (work: () => Promise<void>) => void;

/** @param later - takes what is to be done when the test has ended: vitest's `onTestFinished` */
export async function openScene(ca: Ca, options: SceneOptions, later: Later): Promise<Scene> {
  const home = temporaryHome();
  later(async () => home.remove());
  ca.furnish(home.path, { ...SETTINGS, ...options.settings });
  const scene = createScene(home, await openServer(ca, home, options, later));
  if (options.lineages !== false) for (const { name, names, webroot } of scene.sites) scene.writeLineage({ name, names, webroot });
  return scene;
}

/** A server for a home; a scene has one, and may be given more. */
export async function openServer(ca: Ca, home: Home, options: SceneOptions, later: Later): Promise<Server> {
  const nginx = await layoutCentmin({ prefixBy: options.prefixBy ?? 'compiled-in' });
  const leave = ca.asks(nginx.httpPort);
  later(async () => {
    leave();
    await nginx.stop();
  });
  const sites = options.sites.map((site) => nginx.addSite(site));
  const scripts = createScripts(nginx, join(home.path, 'live'));
  if (options.start !== false) await nginx.start();
  const shown = (servername: string) =>
    servedCertificate({ port: nginx.httpsPort, servername }).then(
      ([leaf]) => fingerprint(leaf?.fingerprint256),
      () => undefined,
    );
  // A worker that is ending may cut one connection; the next one is answered.
  const served = async (servername: string) => (await shown(servername)) ?? (await shown(servername)) ?? 'nothing';
  return {
    nginx,
    sites,
    scripts,
    installer: {
      plugin: 'nginx-custom',
      binary: nginx.binary,
      'reload-command': scripts.reloadCommand,
      'test-command': scripts.testCommand,
      ...options.installer,
    },
    served,
    async picture() {
      const names = sites.flatMap((site) => site.names);
      return {
        files: bytesBelow(nginx.confDir),
        served: Object.fromEntries(await Promise.all(names.map(async (name) => [name, await served(name)] as const))),
        runs: nginx.pid() !== undefined,
      };
    },
    expectSound() {
      const paths = Object.keys(bytesBelow(nginx.confDir));
      expect(
        paths.filter((path) => path.includes('.certkit-')),
        'temporary files',
      ).toEqual([]);
      expect(nginx.test().output).toContain('test is successful');
    },
  };
}

function createScene(home: Home, server: Server): Scene {
  const at = (...parts: readonly string[]) => join(home.path, ...parts);
  const listed = (...parts: readonly string[]) => (existsSync(at(...parts)) ? readdirSync(at(...parts)) : []);
  const start: Scene['start'] = (...args) => {
    const running = home.start([...args, '--json']);
    return { running, seen: running.result.then(seenIn) };
  };

  return {
    ...server,
    home,
    writeLineage({ name, names = [name], webroot, more = {}, installers = [server.installer] }) {
      mkdirSync(at('lineages'), { recursive: true, mode: 0o700 });
      const authenticator = { plugin: 'webroot', root: webroot, 'check-port': server.nginx.httpPort };
      const text = JSON.stringify({ identifiers: names, authenticator, installers, ...more }, undefined, 2);
      writeFileSync(at('lineages', `${name}.yaml`), `${text}\n`, { mode: 0o600 });
    },
    start,
    certkit: (...args) => start(...args).seen,
    leafOf: (lineage, version) => leafIn(readFileSync(at('archive', lineage, String(version).padStart(4, '0'), 'version.json'), 'utf8')),
    live(lineage) {
      const facts = lstatSync(at('live', lineage), { throwIfNoEntry: false });
      if (facts === undefined) return 'nowhere';
      return facts.isSymbolicLink() ? readlinkSync(at('live', lineage)) : 'no link';
    },
    async status(lineage) {
      const result = await home.run(['status', lineage, '--json']);
      const { lineages } = JSON.parse(result.stdout) as { lineages?: readonly Readonly<Record<string, unknown>>[] };
      return lineages?.[0] ?? {};
    },
    expectAtRest() {
      expect(listed('state', 'journal'), 'journal').toEqual([]);
      expect(listed('state', 'checkpoints'), 'checkpoints').toEqual([]);
      expect(
        listed('state').filter((name) => name.includes('stage')),
        'staged files',
      ).toEqual([]);
      server.expectSound();
    },
    journal: () => listed('state', 'journal').map((file) => readFileSync(at('state', 'journal', file), 'utf8')),
    hoursGoBy(lineage) {
      const path = at('state', 'lineages', `${lineage}.json`);
      const state = JSON.parse(readFileSync(path, 'utf8')) as { deployment?: object };
      expect(state.deployment, `${lineage} rests after a failure`).toBeDefined();
      writeFileSync(path, JSON.stringify({ ...state, deployment: { ...state.deployment, notBeforeMs: 0 } }), { mode: 0o600 });
    },
  };
}

function seenIn(result: Result): Seen {
  const told = (result.stdout.trim() === '' ? {} : JSON.parse(result.stdout)) as {
    readonly error?: Told;
    readonly failures?: readonly Told[];
    readonly deployment?: Deployment;
    readonly deployments?: readonly Deployment[];
  };
  const deployments = told.deployments ?? (told.deployment === undefined ? [] : [told.deployment]);
  return {
    exitCode: result.exitCode,
    words: flat(result.stderr),
    error: told.error,
    failures: told.failures ?? [],
    deployment(lineage) {
      const own = deployments.find((one) => one.lineage === lineage);
      if (own === undefined) throw new Error(`nothing is said of deploying ${lineage}:\n${printed(result)}`);
      return own;
    },
    all: printed(result),
  };
}

/** A text without its indentation: as the lines of an error, wherever they are shown. */
export const flat = (text: string): string => text.replace(/^[ \t]+/gm, '');

const fingerprint = (text: string | undefined) => (text ?? 'nothing').replaceAll(':', '').toLowerCase();

function leafIn(versionJson: string): string {
  const { sets } = JSON.parse(versionJson) as { sets: readonly { leafSha256: string }[] };
  return sets[0]?.leafSha256 ?? '';
}

/** Path, mode, and text of every file below a directory. */
export function bytesBelow(root: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[path] = `-> ${readlinkSync(path)}`;
    else if (entry.isFile()) found[path] = `${(lstatSync(path).mode & 0o7777).toString(8)} ${readFileSync(path, 'latin1')}`;
  }
  return found;
}
