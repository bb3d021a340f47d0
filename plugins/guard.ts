import { type CertkitError, fault, faultInWords, isCertkitError } from '../core/errors.ts';
import type {
  Authenticator,
  AuthenticatorDefinition,
  FileReader,
  Installer,
  InstallerDefinition,
  PluginContext,
  PluginDefinition,
  PluginFaultCode,
  PluginFiles,
} from './contract.ts';
import { readOptions } from './options.ts';
import { type Mask, maskError, maskFor } from './secrets.ts';
import { faultOfAssessment, faultOfPlan, faultOfReceipts, faultOfSurvey } from './shapes.ts';

/** What a person set for a plugin, by option; judged by the plugin's declarations. */
export type RawOptions = Readonly<Record<string, unknown>>;

/**
 * Makes an authenticator from what a person set for it, and stands between it and core: it sees the ports of its kind
 * and no more, whatever it throws becomes an error of the catalogue without its secrets, and what it returns has the
 * shape that the contract promises.
 *
 * @throws PLUGIN_OPTION_INVALID; PLUGIN_FAILED when its `create` throws or makes something else
 */
export function createAuthenticator(definition: AuthenticatorDefinition, raw: RawOptions, context: PluginContext<PluginFiles>): Authenticator {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const files = { ...readerOf(context.files), beneath: (root: string) => context.files.beneath(root) };
  const plugin = guard.call('create', () => definition.create(options, { ...guard.contextOf(context), files }));

  guard.demand('create', faultOfMethods(plugin, ['assess', 'present', 'remove']));
  const { unattended, concurrency } = plugin;
  guard.demand('create', typeof unattended === 'boolean' ? undefined : 'its "unattended" is neither true nor false');
  guard.demand('create', ['one-batch', 'any'].includes(concurrency) ? undefined : 'its "concurrency" is neither "one-batch" nor "any"');

  return {
    unattended,
    concurrency,
    assess(identifier) {
      const assessment = guard.call('assess', () => plugin.assess(identifier));
      guard.demand('assess', faultOfAssessment(assessment));
      return assessment;
    },
    async present(tasks, signal) {
      const receipts = await guard.wait('present', () => plugin.present(tasks, signal), signal);
      guard.demand('present', faultOfReceipts(receipts, tasks.length));
      return receipts;
    },
    async remove(task, receipt) {
      await guard.wait('remove', () => plugin.remove(task, receipt));
    },
  };
}

/**
 * The same for an installer: it can look at files and run programs, and its surveys and plans are checked.
 *
 * @throws PLUGIN_OPTION_INVALID; PLUGIN_FAILED when its `create` throws or makes something else. What it makes throws
 * PLUGIN_BAD_PLAN for a malformed survey or plan.
 */
export function createInstaller(definition: InstallerDefinition, raw: RawOptions, context: PluginContext): Installer {
  const options = readOptions(definition.name, definition.options, raw);
  const guard = guardOf(definition, maskFor(definition.options, options));
  const plugin = guard.call('create', () => definition.create(options, { ...guard.contextOf(context), files: readerOf(context.files) }));
  guard.demand('create', faultOfMethods(plugin, ['survey', 'plan', 'test', 'reload']));

  const planned = (because: string | undefined) => {
    if (because !== undefined) throw fault('PLUGIN_BAD_PLAN', { plugin: definition.name, because: guard.mask(because) });
  };
  return {
    async survey(signal) {
      const survey = await guard.wait('survey', () => plugin.survey(signal), signal);
      planned(faultOfSurvey(survey));
      return survey;
    },
    plan(request, survey) {
      const plan = guard.call('plan', () => plugin.plan(request, survey));
      planned(faultOfPlan(plan, request, survey));
      return plan;
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
  readonly mask: Mask;
  call<T>(method: string, work: () => T): T;
  /** What is thrown after an abort is its consequence: the abort's own reason is told. */
  wait<T>(method: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  demand(method: string, because: string | undefined): void;
  contextOf(context: PluginContext): Pick<PluginContext, 'programs' | 'log'>;
}

function guardOf({ name }: PluginDefinition, mask: Mask): Guard {
  return {
    mask,
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
    demand(method, because) {
      if (because !== undefined) throw fault('PLUGIN_FAILED', { plugin: name, during: method, because: mask(because) });
    },
    contextOf: ({ programs, log }) => ({
      programs: { run: (file, args, options) => programs.run(file, args, options) },
      log: { debug: (text) => log.debug(mask(text)), warn: (text) => log.warn(mask(text)) },
    }),
  };
}

const PLUGIN_FAULTS: Readonly<Record<PluginFaultCode, true>> = {
  INSTALLER_NOT_FOUND: true,
  INSTALLER_AMBIGUOUS: true,
  INSTALLER_REJECTED: true,
  INSTALLER_RELOAD_FAILED: true,
  INSTALLER_UNREADABLE: true,
  PLUGIN_OPTION_INVALID: true,
  PLUGIN_PRESENT_FAILED: true,
};

function faultOfThrown(thrown: unknown, plugin: string, during: string, mask: Mask): CertkitError {
  const { message, code, hint } = wordsOf(thrown);
  const cause = maskError(thrown, mask);
  // Core's own ports fail with errors of the catalogue; their words may repeat what the plugin gave them.
  if (isCertkitError(thrown))
    return mask(`${message}\n${hint}`) === `${message}\n${hint}` ? thrown : faultInWords(thrown.code, mask(message), mask(thrown.hint), cause);
  if (isPluginFault(code) && hint !== undefined) return faultInWords(code, mask(message), mask(hint), cause);
  return fault('PLUGIN_FAILED', { plugin, during, because: mask(message) }, cause);
}

function wordsOf(thrown: unknown): { readonly message: string; readonly code?: unknown; readonly hint?: string } {
  if (typeof thrown !== 'object' || thrown === null) return { message: String(thrown) };
  const { message, code, hint } = thrown as { readonly message?: unknown; readonly code?: unknown; readonly hint?: unknown };
  return { message: typeof message === 'string' && message !== '' ? message : 'it gave no reason', code, ...(typeof hint === 'string' ? { hint } : {}) };
}

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
