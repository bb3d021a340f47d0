import 'reflect-metadata/lite';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { container, type DependencyContainer, type InjectionToken, instanceCachingFactory } from 'tsyringe';
import { type Catalog, createCatalog } from '../plugins/catalog.ts';
import { parseCommand } from '../plugins/command-words.ts';
import type { AuthenticatorContext, Dns, HttpCheck, Person, PluginKind } from '../plugins/contract.ts';
import { createDnsProviders, type NamedDnsProviders } from '../plugins/dns-providers.ts';
import { createAuthenticator, createInstaller, createNotifier } from '../plugins/guard.ts';
import { judgedChoice, optionsKey } from '../plugins/judged-choice.ts';
import type { PluginRoot } from '../plugins/roots.ts';
import { createCertificateAuthority } from './certificate-authority.ts';
import type { DumpRequest } from './confedit/nginx/crossplane.ts';
import { systemClock } from './edges/clock.ts';
import { difference } from './edges/difference.ts';
import { createDns } from './edges/dns.ts';
import { createEditor } from './edges/editor.ts';
import { createExecutor } from './edges/exec.ts';
import { createFiles } from './edges/files.ts';
import { createHttpCheck } from './edges/http-check.ts';
import { createLocks } from './edges/locks.ts';
import { systemRandom } from './edges/random.ts';
import { createServers } from './edges/server-process.ts';
import { createStaging } from './edges/staging.ts';
import { createSystemLog } from './edges/system-log.ts';
import { createProbe } from './edges/tls-probe.ts';
import { web } from './edges/web.ts';
import { asCertkitError, fault } from './errors.ts';
import { assessAuthenticators } from './flows/assess-authenticators.ts';
import { inBatches } from './flows/batch.ts';
import { check } from './flows/check.ts';
import { configure } from './flows/configure.ts';
import { deleteLineage } from './flows/delete.ts';
import { deployWithHooks } from './flows/deploy-with-hooks.ts';
import { type Editing, edit } from './flows/edit.ts';
import { hold } from './flows/hold.ts';
import { inspect } from './flows/inspect.ts';
import { knownServers } from './flows/known-servers.ts';
import { type MaintainOptions, maintain } from './flows/maintain.ts';
import type { CertificateAuthority, ChoiceKind, ChoiceVerdict, Needs, OfferedAuthenticator, Plugins, Servers } from './flows/needs.ts';
import { awaitFirstRun } from './flows/news-of-run.ts';
import { type NotifyNeeds, testTelling } from './flows/notify.ts';
import { type RecoverOptions, recover } from './flows/recover.ts';
import { release, rollback } from './flows/rollback.ts';
import { rotateKey } from './flows/rotate-key.ts';
import { run } from './flows/run.ts';
import { reportRuns } from './flows/run-report.ts';
import { createServedPaths } from './flows/served-paths.ts';
import { settable } from './flows/settable.ts';
import { throughServer } from './flows/through-server.ts';
import { runUnattended, type UnattendedNeeds } from './flows/unattended.ts';
import { undeploy } from './flows/undeploy.ts';
import type { Change, PlacedChoice, Subject } from './model/configuration.ts';
import type { Tell } from './model/event.ts';
import type { PluginChoice } from './model/lineage.ts';
import type { Limits } from './policy/health.ts';
import type { Clock, Executor, Files, Locks, Log, Probe, Random, Staging, SystemLog } from './ports.ts';
import type { Schedule } from './schedule/schedule.ts';
import { createStore } from './store/create-store.ts';
import { createSecrets } from './store/secrets.ts';
import type { Store } from './store/store.ts';

/** What one run of the program is started with. */
export interface Settings {
  readonly home: string;
  /** PATH for the programs we run. */
  readonly path: string;
  readonly uid: number;
  readonly version: string;
  /** Directory of certkit's own package. */
  readonly packageRoot: string;
  readonly proxy?: string;
  /** Whether the person agrees to the CA's terms of service; told where they are. */
  agreeToTerms(message: string): Promise<boolean>;
  readonly tell: Tell;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A person started this. */
  readonly watched: boolean;
  /** They are at a terminal and can be asked. */
  readonly person?: Person;
  /** A variable of the environment, where a configuration names one for a secret. */
  readonly variable?: (name: string) => string | undefined;
  /** The command line of the person's editor, as they set it. */
  readonly editor?: string;
}

/** A port, under the name by which a composition may be given another one. */
const port = <T>(name: string): InjectionToken<T> & symbol => Symbol(name) as InjectionToken<T> & symbol;

export const CLOCK = port<Clock>('clock');
export const DNS = port<Dns>('dns');
export const DNS_PROVIDERS = port<NamedDnsProviders>('DNS providers');
export const HTTP_CHECK = port<HttpCheck>('http check');
export const RANDOM = port<Random>('random');
export const EXECUTOR = port<Executor>('executor');
export const FILES = port<Files>('files');
export const LOCKS = port<Locks>('locks');
export const PROBE = port<Probe>('probe');
export const SERVERS = port<Servers>('servers');
export const STAGING = port<Staging>('staging');
export const SYSTEM_LOG = port<SystemLog>('system log');
export const STORE = port<Store>('store');
export const CATALOG = port<Catalog>('catalog');
export const AUTHORITY = port<CertificateAuthority & { close(): void }>('certificate authority');

const NOTHING_LEFT: Pick<Needs, 'unfinished' | 'stuck' | 'unrecovered'> = {
  unfinished: new Set(),
  stuck: new Map(),
  unrecovered: { entries: [], postHooks: [] },
};

/** Everything the program can do, wired together. `override` is the one seam that tests use. */
export function compose(settings: Settings, override: (graph: DependencyContainer) => void = () => {}) {
  const graph = container.createChildContainer();
  const once = <T>(token: InjectionToken<T>, make: (graph: DependencyContainer) => T) => graph.register(token, { useFactory: instanceCachingFactory(make) });

  once(CLOCK, () => systemClock);
  once(RANDOM, () => systemRandom);
  once(EXECUTOR, () => createExecutor({ path: settings.path }));
  once(FILES, (g) => createFiles({ executor: g.resolve(EXECUTOR), uid: settings.uid }));
  once(LOCKS, () => createLocks({ path: settings.path }));
  once(PROBE, () => createProbe());
  once(SERVERS, (g) => createServers({ files: g.resolve(FILES), path: settings.path }));
  once(STAGING, (g) => createStaging({ executor: g.resolve(EXECUTOR), uid: settings.uid }));
  once(SYSTEM_LOG, (g) => createSystemLog(g.resolve(EXECUTOR)));
  once(STORE, (g) =>
    createStore({
      home: settings.home,
      files: g.resolve(FILES),
      locks: g.resolve(LOCKS),
      clock: g.resolve(CLOCK),
      uid: settings.uid,
    }),
  );
  once(DNS, (g) => createDns({ resolvers: async () => (await g.resolve(STORE).settings()).resolvers ?? [] }));
  once(DNS_PROVIDERS, (g) => {
    const [catalog, accounts, files, programs] = [g.resolve(CATALOG), g.resolve(STORE), g.resolve(FILES), g.resolve(EXECUTOR)];
    const secrets = createSecrets({ files, uid: settings.uid, variable: settings.variable ?? (() => undefined) });
    return createDnsProviders({ catalog, accounts, secrets, context: { files, programs, log: settings.log } });
  });
  once(HTTP_CHECK, (g) => createHttpCheck({ dns: g.resolve(DNS) }));
  once(CATALOG, (g) => createCatalog({ roots: pluginRoots(settings), files: g.resolve(FILES), uid: settings.uid }));
  once(AUTHORITY, (g) => {
    const { log, version, proxy, agreeToTerms } = settings;
    const ports = { store: g.resolve(STORE), files: g.resolve(FILES), clock: g.resolve(CLOCK), random: g.resolve(RANDOM) };
    return createCertificateAuthority({ ...ports, log, version, agreeToTerms, ...(proxy === undefined ? {} : { proxy }) });
  });
  override(graph);

  const plugins = pluginsOf(graph, settings, () => needs());
  const servedPaths = createServedPaths(() => needs());
  let logged: Promise<void> = Promise.resolve();
  const tell: Tell = (event) => {
    settings.tell(event);
    if (event.type === 'not-due' || event.type === 'needs-person' || event.type === 'surveyed') return; // routine: a run with nothing to do writes nothing
    logged = logged
      .then(() => graph.resolve(STORE).logEvent(event))
      .catch((error: unknown) => settings.log.warn(`the run log was not written: ${asCertkitError(error).message}`));
  };
  const needs = ({ unfinished, stuck, unrecovered }: Pick<Needs, 'unfinished' | 'stuck' | 'unrecovered'> = NOTHING_LEFT): Needs => {
    const store = graph.resolve(STORE);
    return {
      clock: graph.resolve(CLOCK),
      random: graph.resolve(RANDOM),
      files: graph.resolve(FILES),
      programs: graph.resolve(EXECUTOR),
      store,
      ca: graph.resolve(AUTHORITY),
      plugins,
      servedPaths,
      probe: graph.resolve(PROBE),
      servers: graph.resolve(SERVERS),
      staging: graph.resolve(STAGING),
      difference,
      tell,
      signal: settings.signal,
      watched: settings.watched,
      unfinished,
      stuck,
      unrecovered,
    };
  };
  /** Every job that changes something begins with what a killed run left. */
  const recovered = async (heard: Tell = tell, { leaveHooks = false }: Pick<RecoverOptions, 'leaveHooks'> = {}) => {
    await graph.resolve(STORE).prepare();
    const before = { ...needs(), tell: heard };
    return { ...needs(await recover({ asIs: false, leaveHooks }, before)), tell: heard };
  };
  const notifyNeeds = (): NotifyNeeds => ({
    ...needs(),
    systemLog: graph.resolve(SYSTEM_LOG),
    async notifier({ plugin, options }) {
      const { files, programs } = needs();
      return createNotifier(await graph.resolve(CATALOG).find('notifier', plugin), options, { files, programs, log: settings.log });
    },
  });
  const unattendedNeeds = (): UnattendedNeeds => ({ ...needs(), ...notifyNeeds(), begin: recovered, web, host: hostname(), version: settings.version });

  const schedule = async (): Promise<Schedule> => {
    const { createSchedule } = await import('./schedule/schedule.ts');
    const { home, path, uid, packageRoot } = settings;
    const facts = { node: process.execPath, program: join(packageRoot, 'dist/core/start.cjs'), home, path, host: hostname() };
    const { files, programs, clock } = needs();
    return createSchedule({ facts, uid, files, programs, clock });
  };
  /** @param isScheduled - as who has asked already knows */
  const runs = async (isScheduled?: boolean) => reportRuns(isScheduled ?? (await (await schedule()).status()).kind !== undefined, needs());

  return {
    catalog: graph.resolve(CATALOG),
    store: graph.resolve(STORE),
    plugins,
    difference,
    run: async (...[wanted, options]: DropLast<Parameters<typeof run>>) => run(wanted, options, await recovered()),
    maintain: async (options: MaintainOptions) => {
      if (options.dryRun) return maintain(options, needs());
      return settings.watched ? maintain(options, await recovered()) : runUnattended(options, unattendedNeeds());
    },
    testTelling: async (asked: string | undefined) => {
      await graph.resolve(STORE).prepare();
      return testTelling(asked, hostname(), unattendedNeeds());
    },
    awaitFirstRun: async () => {
      await graph.resolve(STORE).prepare();
      await awaitFirstRun(notifyNeeds());
    },
    deploy: async (...[views, options]: DropLast<Parameters<typeof deployWithHooks>>) =>
      deployWithHooks(views, options, options.dryRun ? needs() : await recovered()),
    rollback: async (name: string) => rollback(name, await recovered()),
    rotateKey: async (name: string) => rotateKey(name, await recovered()),
    release: async (name: string) => release(name, await recovered()),
    hold: async (...[name, what]: DropLast<Parameters<typeof hold>>) => hold(name, what, await recovered()),
    configure: async (subject: Subject, changes: readonly Change[], dryRun: boolean) =>
      configure(subject, changes, dryRun, dryRun ? needs() : await recovered()),
    edit: async (subject: Subject, person: Omit<Editing, 'openEditor'>) => edit(subject, { ...person, openEditor: editorOf(settings) }, await recovered()),
    settable: async (subject: Subject) => {
      const optionsOf = async ({ kind, choice }: PlacedChoice) => (await graph.resolve(CATALOG).find(kind, choice.plugin)).options;
      return settable(subject, { store: graph.resolve(STORE), optionsOf });
    },
    undeploy: async (name: string, options: { readonly dryRun: boolean }) => undeploy(name, options, options.dryRun ? needs() : await recovered()),
    delete: async (name: string) => deleteLineage(name, await recovered()),
    assessAuthenticators: async (...[identifiers, installers]: DropLast<Parameters<typeof assessAuthenticators>>) =>
      assessAuthenticators(identifiers, installers, needs()),
    knownServers: async () => knownServers(needs()),
    knownDnsAccounts: async () => graph.resolve(DNS_PROVIDERS).known(),
    dumpNginx: async (request: DumpRequest, write: (text: string) => Promise<void>) => {
      const { dumpNginx } = await import('./confedit/nginx/crossplane.ts');
      const installed = async () => {
        const installer = await plugins.installer({ plugin: 'nginx', options: {} });
        const { files, faults } = await installer.survey(settings.signal);
        return files[0]?.path ?? faults[0]?.file ?? '/';
      };
      return dumpNginx(request, { files: graph.resolve(FILES), installed }, write);
    },
    inspect: async (...[views]: DropLast<Parameters<typeof inspect>>) => inspect(views, needs()),
    recover: async (options: RecoverOptions) => {
      await graph.resolve(STORE).prepare();
      return recover(options, needs());
    },
    runs,
    check: async (names: readonly string[], limits: Limits) => {
      const views = (await graph.resolve(STORE).overview()).filter(({ name }) => names.length === 0 || names.includes(name));
      return check(views, limits, await runs(), needs());
    },
    schedule,
    close: async () => {
      graph.resolve(AUTHORITY).close();
      await logged;
    },
  };
}

export type Certkit = ReturnType<typeof compose>;

type DropLast<T extends readonly unknown[]> = T extends readonly [...infer Rest, unknown] ? Rest : never;

/** @throws USAGE_INVALID when the person's editor is no command */
function editorOf({ editor, path, signal }: Settings): (file: string) => Promise<void> {
  if (editor === undefined) return createEditor({ path, signal });
  const words = parseCommand(editor);
  if (!words.ok) throw fault('USAGE_INVALID', { problem: `VISUAL or EDITOR is no editor: ${words.because}` });
  return createEditor({ words: words.value, path, signal });
}

function pluginRoots({ packageRoot, home }: Settings): readonly PluginRoot[] {
  const above = dirname(packageRoot);
  return [
    { path: packageRoot, kind: 'own' },
    ...(above.endsWith('/node_modules') ? [{ path: above, kind: 'siblings' } as const] : []),
    { path: join(home, 'plugins', 'node_modules'), kind: 'home' },
  ];
}

const CHOICE = port<PluginChoice>('choice');
const MADE = port<Promise<unknown>>('plugin');

/** One child container for each plugin choice of a run: lineages that chose the same share the instance, and nothing else. */
function pluginsOf(graph: DependencyContainer, { log, person }: Settings, needsOf: () => Needs): Plugins {
  const children = new Map<string, DependencyContainer>();

  async function shared<T>(kind: PluginKind, choice: PluginChoice, make: (choice: PluginChoice) => Promise<T>): Promise<T> {
    const key = `${kind} ${choice.plugin} ${optionsKey(await catalog().find(kind, choice.plugin), choice.options)}`;
    let child = children.get(key);
    if (child === undefined) {
      child = graph.createChildContainer();
      child.register(CHOICE, { useValue: choice });
      child.register(MADE, { useFactory: instanceCachingFactory((own) => make(own.resolve(CHOICE))) });
      children.set(key, child);
    }
    return child.resolve(MADE) as Promise<T>;
  }

  const catalog = () => graph.resolve(CATALOG);
  const context = (programs: Executor) => ({ files: graph.resolve(FILES), programs, log });
  const authenticatorContext = (programs: Executor): AuthenticatorContext => ({
    ...context(programs),
    dns: graph.resolve(DNS),
    dnsProviders: { find: (name) => graph.resolve(DNS_PROVIDERS).find(name) },
    http: graph.resolve(HTTP_CHECK),
    clock: graph.resolve(CLOCK),
    ...(person === undefined ? {} : { person }),
  });
  const authenticator = async ({ plugin, options }: PluginChoice, programs: Executor) =>
    createAuthenticator(await catalog().find('authenticator', plugin), options, authenticatorContext(programs));
  const installer = async ({ plugin, options }: PluginChoice, programs: Executor) =>
    createInstaller(await catalog().find('installer', plugin), options, context(programs));
  const sharedInstaller = (choice: PluginChoice) => shared('installer', choice, (own) => installer(own, graph.resolve(EXECUTOR)));
  const staged = async (kind: ChoiceKind, choice: PluginChoice, programs: Executor) => {
    if (kind === 'installer') return installer(choice, programs);
    const made = await authenticator(choice, programs);
    if ('through' in made) return made;
    throw fault('BUG_UNEXPECTED', { because: `${choice.plugin} has no server` });
  };
  const made = async (kind: 'authenticator' | 'notifier', { plugin, options }: PluginChoice) =>
    kind === 'authenticator'
      ? authenticator({ plugin, options }, graph.resolve(EXECUTOR))
      : createNotifier(await catalog().find('notifier', plugin), options, context(graph.resolve(EXECUTOR)));
  const offered = async (plugin: string): Promise<OfferedAuthenticator> => {
    try {
      const { summary, options } = await catalog().find('authenticator', plugin);
      const required = Object.entries(options).filter(([, declared]) => declared.required === true && declared.default === undefined);
      return { plugin, summary, required: required.map(([option, { text }]) => ({ option, text })) };
    } catch (thrown) {
      return { plugin, summary: '', required: [], error: asCertkitError(thrown) };
    }
  };
  return {
    authenticator: (choice) =>
      shared('authenticator', choice, async (own) => {
        const made = await authenticator(own, graph.resolve(EXECUTOR));
        return 'through' in made ? throughServer(made, own, needsOf) : inBatches(made, own);
      }),
    installer: sharedInstaller,
    server: (kind, choice) => (kind === 'installer' ? sharedInstaller(choice) : staged(kind, choice, graph.resolve(EXECUTOR))),
    staged,
    async unasked() {
      const entries = await catalog().list();
      return entries.flatMap((entry) => (entry.state === 'ok' && entry.kind === 'installer' ? [{ plugin: entry.name, options: {} }] : []));
    },
    async authenticators() {
      const entries = (await catalog().list()).filter((entry) => entry.state === 'ok' && entry.kind === 'authenticator');
      return Promise.all(entries.map(({ name = '' }) => offered(name)));
    },
    async judge({ kind, choice }) {
      let verdict: ChoiceVerdict = { secrets: [] };
      try {
        if (kind === 'dns-provider') return await graph.resolve(DNS_PROVIDERS).judge(choice);
        verdict = judgedChoice(await catalog().find(kind, choice.plugin), choice.options);
        if (verdict.fault === undefined) await (kind === 'installer' ? sharedInstaller(choice) : made(kind, choice));
        return verdict;
      } catch (thrown) {
        const error = asCertkitError(thrown);
        return { ...verdict, fault: { because: error.message, error } };
      }
    },
    async withoutSecrets(kind, { plugin, options }) {
      const { options: declared } = await graph.resolve(CATALOG).find(kind, plugin);
      return { plugin, options: Object.fromEntries(Object.entries(options).filter(([option]) => declared[option]?.secret !== true)) };
    },
  };
}
