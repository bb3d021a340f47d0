import { type CertkitError, type Choice, fault, faultInWords, isCertkitError } from '../core/errors.ts';
import type {
  AnyAuthenticator,
  Authenticator,
  AuthenticatorContext,
  AuthenticatorDefinition,
  ChangePlan,
  DnsProvider,
  DnsProviderDefinition,
  FileReader,
  Installer,
  InstallerDefinition,
  LocatingInstaller,
  Notifier,
  NotifierDefinition,
  OptionDeclarations,
  PluginContext,
  PluginDefinition,
  PluginFaultCode,
  ServerAuthenticator,
  Survey,
} from './contract.ts';
import { readOptions } from './options.ts';
import { type Mask, maskError, maskFor } from './secrets.ts';
import { faultOfAssessment, faultOfPlan, faultOfProofsPlace, faultOfReceipts, faultOfSurvey } from './shapes.ts';

/** What a person set for a plugin, by option; judged by the plugin's declarations. */
export type RawOptions = Readonly<Record<string, unknown>>;

/**
 * Makes an authenticator from what a person set for it, and stands between it and core: it sees the ports of its kind
 * and no more, whatever it throws becomes an error of the catalogue without its secrets, and what it returns has the
 * shape that the contract promises.
 *
 * @throws PLUGIN_OPTION_INVALID; PLUGIN_FAILED when its `create` throws or makes something else
 */
export function createAuthenticator<A extends AnyAuthenticator = Authenticator>(
  definition: AuthenticatorDefinition<OptionDeclarations, A>,
  raw: RawOptions,
  context: AuthenticatorContext,
): A;
export function createAuthenticator(definition: AuthenticatorDefinition, raw: RawOptions, context: AuthenticatorContext): AnyAuthenticator {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const files = { ...readerOf(context.files), beneath: (root: string) => context.files.beneath(root) };
  const { dns, dnsProviders, http, clock, person } = context;
  const seen: AuthenticatorContext = {
    ...guard.contextOf(context),
    files,
    dns,
    dnsProviders,
    http,
    clock: { nowMs: () => clock.nowMs() },
    ...(person === undefined ? {} : { person }),
  };
  const plugin = guard.call('create', () => definition.create(options, seen));

  guard.demand('create', faultOfMethods(plugin, ['assess']));
  const { unattended } = plugin;
  guard.demand('create', typeof unattended === 'boolean' ? undefined : 'its "unattended" is neither true nor false');
  const assess: Authenticator['assess'] = (identifier) => {
    const assessment = guard.call('assess', () => plugin.assess(identifier));
    guard.demand('assess', faultOfAssessment(assessment));
    return assessment;
  };

  if ('through' in plugin) {
    guard.demand('create', plugin.through === 'server' ? undefined : 'its "through" is not "server"');
    guard.demand('create', faultOfMethods(plugin, ['survey', 'plan', 'test', 'reload']));
    const plan: ServerAuthenticator['plan'] = (tasks, survey) =>
      guard.plan(
        () => plugin.plan(tasks, survey),
        tasks.map(({ lineage }) => lineage),
        survey,
      );
    const assessHttp: ServerAuthenticator['assess'] = (identifier) => {
      const assessment = assess(identifier);
      if (!assessment.able) return assessment;
      guard.demand('assess', assessment.challenges.every((type) => type === 'http-01') ? undefined : 'through a server only http-01 can be answered');
      return { able: true, challenges: ['http-01'] };
    };
    return { unattended, assess: assessHttp, ...guardedServer(plugin, guard), through: 'server', plan };
  }
  guard.demand('create', faultOfMethods(plugin, ['present', 'remove']));
  const { concurrency } = plugin;
  guard.demand('create', ['one-batch', 'any'].includes(concurrency) ? undefined : 'its "concurrency" is neither "one-batch" nor "any"');
  const made: Authenticator = {
    unattended,
    assess,
    concurrency,
    async present(tasks, signal) {
      const presented = await guard.wait('present', () => plugin.present(tasks, signal), signal);
      guard.demand('present', faultOfReceipts(presented, tasks.length));
      return presented.map((each) => (each instanceof Error ? guard.fault('present', each) : each));
    },
    async remove(task, receipt) {
      await guard.wait('remove', () => plugin.remove(task, receipt));
    },
  };
  if (!('foresees' in plugin)) return made;
  guard.demand('create', plugin.foresees === true ? undefined : 'its "foresees" is not true');
  guard.demand('create', faultOfMethods(plugin, ['foresee']));
  return {
    ...made,
    foresees: true,
    async foresee(identifiers, signal) {
      await guard.wait('foresee', () => plugin.foresee(identifiers, signal), signal);
    },
  };
}

/** The same for a provider of DNS records. */
export function createDnsProvider(definition: DnsProviderDefinition, raw: RawOptions, context: PluginContext): DnsProvider {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const plugin = guard.call('create', () => definition.create(options, { ...guard.contextOf(context), files: readerOf(context.files) }));
  guard.demand('create', faultOfMethods(plugin, ['append', 'remove']));
  return {
    async append(zone, records, signal) {
      await guard.wait('append', () => plugin.append(zone, records, signal), signal);
    },
    async remove(zone, records, signal) {
      await guard.wait('remove', () => plugin.remove(zone, records, signal), signal);
    },
  };
}

/**
 * The same for an installer: it can look at files and run programs, and its surveys and plans are checked.
 *
 * @throws PLUGIN_OPTION_INVALID; PLUGIN_FAILED when its `create` throws or makes something else. What it makes throws
 * PLUGIN_BAD_PLAN for a malformed survey or plan.
 */
export function createInstaller(definition: InstallerDefinition, raw: RawOptions, context: PluginContext): Installer | LocatingInstaller {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const plugin = guard.call('create', () => definition.create(options, { ...guard.contextOf(context), files: readerOf(context.files) }));
  guard.demand('create', faultOfMethods(plugin, ['survey', 'plan', 'test', 'reload']));

  const plan: Installer['plan'] = (request, survey) =>
    guard.plan(
      () => plugin.plan(request, survey),
      request.lineages.map(({ lineage }) => lineage),
      survey,
    );
  const made: Installer = { ...guardedServer(plugin, guard), plan };
  if (!('locates' in plugin)) return made;
  guard.demand('create', plugin.locates === 'proofs' ? undefined : 'its "locates" is not "proofs"');
  guard.demand('create', faultOfMethods(plugin, ['locateProofs']));
  return {
    ...made,
    locates: 'proofs',
    locateProofs(identifier, survey) {
      const place = guard.call('locateProofs', () => plugin.locateProofs(identifier, survey));
      guard.demand('locateProofs', faultOfProofsPlace(place));
      return place;
    },
  };
}

/** The same for a notifier. */
export function createNotifier(definition: NotifierDefinition, raw: RawOptions, context: PluginContext): Notifier {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const plugin = guard.call('create', () => definition.create(options, { ...guard.contextOf(context), files: readerOf(context.files) }));
  guard.demand('create', faultOfMethods(plugin, ['notify']));
  return { notify: (digest, signal) => guard.wait('notify', () => plugin.notify(digest, signal), signal) };
}

/** What concerns a server is the same for whoever plans for it. */
function guardedServer(plugin: Pick<Installer, 'survey' | 'test' | 'reload'>, guard: Guard): Pick<Installer, 'survey' | 'test' | 'reload'> {
  return {
    async survey(signal) {
      const survey = await guard.wait('survey', () => plugin.survey(signal), signal);
      guard.demandPlan(faultOfSurvey(survey));
      return survey;
    },
    async test(signal) {
      await guard.wait('test', () => plugin.test(signal), signal);
    },
    async reload(signal) {
      await guard.wait('reload', () => plugin.reload(signal), signal);
    },
  };
}

interface Guard {
  call<T>(method: string, work: () => T): T;
  /** What is thrown after an abort is its consequence: the abort's own reason is told. */
  wait<T>(method: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The error that is shown for one that the plugin hands over. */
  fault(method: string, thrown: unknown): CertkitError;
  demand(method: string, because: string | undefined): void;
  /** The same for a survey or plan. */
  demandPlan(because: string | undefined): void;
  /** Calls for a plan, and holds it against what was asked for and surveyed. */
  plan(work: () => ChangePlan, lineages: readonly string[], survey: Survey): ChangePlan;
  contextOf(context: PluginContext): Pick<PluginContext, 'programs' | 'log'>;
}

function guardOf({ name }: PluginDefinition, mask: Mask): Guard {
  const guard: Guard = {
    call(method, work) {
      try {
        return work();
      } catch (thrown) {
        throw faultOfThrown(thrown, name, method, mask);
      }
    },
    async wait(method, work, signal) {
      try {
        return await work();
      } catch (thrown) {
        if (signal?.aborted) throw signal.reason;
        throw faultOfThrown(thrown, name, method, mask);
      }
    },
    fault: (method, thrown) => faultOfThrown(thrown, name, method, mask),
    demand(method, because) {
      if (because !== undefined) throw fault('PLUGIN_FAILED', { plugin: name, during: method, because: mask(because) });
    },
    demandPlan(because) {
      if (because !== undefined) throw fault('PLUGIN_BAD_PLAN', { plugin: name, because: mask(because) });
    },
    plan(work, lineages, survey) {
      const plan = guard.call('plan', work);
      guard.demandPlan(faultOfPlan(plan, lineages, survey));
      return plan;
    },
    contextOf: ({ programs, log }) => ({
      programs: { run: (file, args, options) => programs.run(file, args, options) },
      log: { debug: (text) => log.debug(mask(text)), warn: (text) => log.warn(mask(text)) },
    }),
  };
  return guard;
}

const PLUGIN_FAULTS: Readonly<Record<PluginFaultCode, true>> = {
  INSTALLER_NOT_FOUND: true,
  INSTALLER_AMBIGUOUS: true,
  INSTALLER_REJECTED: true,
  INSTALLER_RELOAD_FAILED: true,
  INSTALLER_UNREADABLE: true,
  PLUGIN_OPTION_INVALID: true,
  PLUGIN_PRESENT_FAILED: true,
  PLUGIN_DNS_FAILED: true,
  PLUGIN_NOTIFY_FAILED: true,
};

function faultOfThrown(thrown: unknown, plugin: string, during: string, mask: Mask): CertkitError {
  const { message, code, hint } = wordsOf(thrown);
  const cause = maskError(thrown, mask);
  // Core's own ports fail with errors of the catalogue; their words may repeat what the plugin gave them.
  if (isCertkitError(thrown))
    return mask(`${message}\n${hint}`) === `${message}\n${hint}` ? thrown : faultInWords(thrown.code, mask(message), mask(thrown.hint), cause);
  if (isPluginFault(code) && hint !== undefined) return faultInWords(code, mask(message), mask(hint), cause, choicesOf(thrown));
  return fault('PLUGIN_FAILED', { plugin, during, because: mask(message) }, cause);
}

function wordsOf(thrown: unknown): { readonly message: string; readonly code?: unknown; readonly hint?: string } {
  if (typeof thrown !== 'object' || thrown === null) return { message: String(thrown) };
  const { message, code, hint } = thrown as { readonly message?: unknown; readonly code?: unknown; readonly hint?: unknown };
  return { message: typeof message === 'string' && message !== '' ? message : 'it gave no reason', code, ...(typeof hint === 'string' ? { hint } : {}) };
}

/** Servers to choose from are shown as they are: paths a person knows, never a secret. */
function choicesOf(thrown: unknown): readonly Choice[] {
  const choices = (thrown as { readonly choices?: unknown }).choices;
  return Array.isArray(choices) ? choices.filter(isChoice) : [];
}

const isChoice = (value: unknown): value is Choice =>
  typeof value === 'object' && value !== null && typeof (value as Choice).title === 'string' && typeof (value as Choice).options === 'object';

const isPluginFault = (code: unknown): code is PluginFaultCode => typeof code === 'string' && Object.hasOwn(PLUGIN_FAULTS, code);

function faultOfMethods(made: unknown, methods: readonly string[]): string | undefined {
  if (typeof made !== 'object' || made === null) return 'it made no object';
  const missing = methods.find((method) => typeof (made as Record<string, unknown>)[method] !== 'function');
  return missing === undefined ? undefined : `what it made has no ${missing} function`;
}

/** The looking half of the file system, whatever else the given port can do. */
function readerOf(files: FileReader): FileReader {
  return {
    read: (path) => files.read(path),
    list: (path) => files.list(path),
    facts: (path, follow) => files.facts(path, follow),
    readLink: (path) => files.readLink(path),
    realPath: (path) => files.realPath(path),
  };
}
