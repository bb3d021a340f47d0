import type { Assessment, ChallengeTask, Receipt } from '../core/model/challenge.ts';
import type { ChangePlan } from '../core/model/change-plan.ts';
import type { Identifier } from '../core/model/identifier.ts';
import type { KeyType } from '../core/model/lineage.ts';
import type { Digest } from '../core/model/news.ts';
import type { Survey } from '../core/model/site.ts';

export type { Assessment, ChallengeTask, ChallengeType, Receipt } from '../core/model/challenge.ts';
export type { ChangePlan, ContentPart, Note, PlacedFile, PlannedCommand, PlannedSplice, Refusal, Serving } from '../core/model/change-plan.ts';
export type { Identifier } from '../core/model/identifier.ts';
export type { Digest, NewsItem, NewsKind } from '../core/model/news.ts';
export type { Endpoint, Finding, InstalledPair, Listen, Server, ServerProcess, Site, Survey, SurveyedFile, SurveyFault } from '../core/model/site.ts';

/** The version of this contract that core speaks; a package's range is judged against it before its code is loaded. */
export const CONTRACT_VERSION = '0.9.0';

export type PluginKind = 'authenticator' | 'installer' | 'notifier';

/** How an option is written: on the command line and in a lineage's file alike. */
export type OptionType = 'text' | 'file' | 'directory' | 'integer' | 'port' | 'boolean' | 'mode' | 'command';

/** One declared option, as plain data. Flags, YAML keys, prompts, validation and docs all come from it. */
export interface OptionDeclaration {
  readonly type: OptionType;
  readonly text: string;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly default?: string | number | boolean | readonly string[];
}

export type OptionDeclarations = Readonly<Record<string, OptionDeclaration>>;

/** The value each type of option has once read: a `command` is an argument vector, a `mode` a number. */
export interface OptionValues {
  text: string;
  file: string;
  directory: string;
  integer: number;
  port: number;
  boolean: boolean;
  mode: number;
  command: readonly string[];
}

type ValueOf<D extends OptionDeclaration> = D extends { required: true } | { default: NonNullable<OptionDeclaration['default']> }
  ? OptionValues[D['type']]
  : OptionValues[D['type']] | undefined;

/** What a plugin's `create` receives for its declarations. */
export type OptionsOf<D extends OptionDeclarations> = { readonly [K in keyof D]: ValueOf<D[K]> };

/** The end of a program that was run. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Default 60,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly input?: string;
  /** Exit codes that are an answer; any other is EXEC_FAILED. Default: 0 alone. */
  readonly accept?: readonly number[];
  readonly cwd?: string;
}

/** Runs programs: argument vectors, no shell, fixed locale, nothing of the environment but PATH. */
export interface Programs {
  run(file: string, args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
}

export interface FileFacts {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly modifiedMs: number;
}

/** The file system, for looking only. A path that is not there answers `undefined`; any other trouble throws. */
export interface FileReader {
  read(path: string): Promise<Uint8Array | undefined>;
  /** Names in a directory, sorted by byte value. */
  list(path: string): Promise<readonly string[] | undefined>;
  /** Facts of the path itself; `follow` those of what a link leads to. */
  facts(path: string, follow?: 'follow'): Promise<FileFacts | undefined>;
  readLink(path: string): Promise<string | undefined>;
  realPath(path: string): Promise<string | undefined>;
}

/** A directory that may belong to somebody we do not trust: no link is followed on the way down from it. */
export interface ConfinedDirectory {
  /** Creates the file and missing directories above it. An own leftover with the same content is success; another file in its place is an error. */
  create(path: string, content: string, options: { readonly mode: number }): Promise<void>;
  /** Removes the file, and the directories made for it if they are empty. Nothing there is fine. */
  remove(path: string): Promise<void>;
}

export interface PluginFiles extends FileReader {
  beneath(root: string): ConfinedDirectory;
}

export interface PluginLog {
  debug(text: string): void;
  warn(text: string): void;
}

/** All that a plugin sees of the program it runs in. */
export interface PluginContext<F extends FileReader = FileReader> {
  readonly files: F;
  readonly programs: Programs;
  readonly log: PluginLog;
}

/** Proves control of names by publishing what the CA asks for. */
export interface Authenticator {
  /** May the scheduler use it, with nobody watching? */
  readonly unattended: boolean;
  /** `one-batch`: core waits for `remove` of one batch before the next `present`. `any`: batches may overlap. */
  readonly concurrency: 'one-batch' | 'any';
  /** Which challenge types it can answer for a name, best first, or why none. Pure. */
  assess(identifier: Identifier): Assessment;
  /**
   * Publishes the proofs of all tasks that are ready, and returns one receipt for each, in order, once the CA may look.
   * Succeeds over leftovers of the same tasks. When it fails, core calls `remove` for every task of the batch.
   */
  present(tasks: readonly ChallengeTask[], signal: AbortSignal): Promise<readonly Receipt[]>;
  /** Takes one proof away, perhaps in a later process and from the journalled task alone. Twice is fine. */
  remove(task: ChallengeTask, receipt?: Receipt): Promise<void>;
}

/** A task, and the lineage that it is for. */
export interface ServerTask {
  readonly lineage: string;
  readonly task: ChallengeTask;
}

/**
 * Proves control of names by answering through a server's configuration. Like an installer it plans; core writes, tests, reloads,
 * asks the server itself for each answer before the CA is told, and takes everything out again, also after a crash.
 */
export interface ServerAuthenticator {
  /** Tells core that it plans. */
  readonly through: 'server';
  readonly unattended: boolean;
  /** Pure. */
  assess(identifier: Identifier): Assessment;
  /** As an installer's. */
  survey(signal: AbortSignal): Promise<Survey>;
  /**
   * Pure. What makes the server answer all tasks, each splice tagged with the lineage of its task. `serves` says, by the
   * identifier's value, where core is to ask for the answer over HTTP. A refusal is of one lineage; the others go on.
   */
  plan(tasks: readonly ServerTask[], survey: Survey): ChangePlan;
  /** As an installer's. */
  test(signal: AbortSignal): Promise<void>;
  reload(signal: AbortSignal): Promise<void>;
}

/** The files of a lineage for one key type, below its live link: stable paths for a server's configuration. */
export interface PairPaths {
  readonly keyType: KeyType;
  /** Leaf and chain: what nginx's `ssl_certificate` takes. */
  readonly fullchain: string;
  readonly certificate: string;
  readonly chain: string;
  readonly key: string;
}

export interface LineageRequest {
  readonly lineage: string;
  readonly identifiers: readonly Identifier[];
  /** The names to serve here; those of `identifiers` when absent. */
  readonly serve?: readonly string[];
  readonly pairs: readonly PairPaths[];
  /** `keep`: replace a pair's paths where they stand and no more; anything else is a refusal of kind `drift`. */
  readonly structure: 'may-change' | 'keep';
}

export interface DeployRequest {
  readonly lineages: readonly LineageRequest[];
  /** The directory of all live links, to recognise a site that another lineage holds. */
  readonly liveRoot: string;
}

/** Puts certificates to use in one server. It plans; core writes, tests, reloads, probes and undoes. */
export interface Installer {
  /** What is there. Changes nothing. Throws INSTALLER_NOT_FOUND or INSTALLER_AMBIGUOUS when no one server is meant. */
  survey(signal: AbortSignal): Promise<Survey>;
  /** Pure. One lineage's trouble is a refusal in the plan, not an exception. */
  plan(request: DeployRequest, survey: Survey): ChangePlan;
  /** The server's own test of its configuration; throws INSTALLER_REJECTED with the server's words. Core may run it in a staged view of the file system. */
  test(signal: AbortSignal): Promise<void>;
  /** Makes the server read its configuration again without dropping a connection. Never starts a stopped server. */
  reload(signal: AbortSignal): Promise<void>;
}

/** Carries news to somebody. */
export interface Notifier {
  /**
   * Sends one digest; resolves when the channel has taken it. Core calls it at most once a run, waits at most a minute, and tells the failure
   * to the other channels: it need not try again by itself.
   */
  notify(digest: Digest, signal: AbortSignal): Promise<void>;
}

interface Definition<K extends PluginKind, D extends OptionDeclarations, P> {
  readonly kind: K;
  readonly name: string;
  readonly summary: string;
  readonly options: D;
  readonly create: P;
}

export type AnyAuthenticator = Authenticator | ServerAuthenticator;

export type AuthenticatorDefinition<D extends OptionDeclarations = OptionDeclarations, A extends AnyAuthenticator = AnyAuthenticator> = Definition<
  'authenticator',
  D,
  (options: OptionsOf<D>, context: PluginContext<PluginFiles>) => A
>;
export type InstallerDefinition<D extends OptionDeclarations = OptionDeclarations> = Definition<
  'installer',
  D,
  (options: OptionsOf<D>, context: PluginContext) => Installer
>;
export type NotifierDefinition<D extends OptionDeclarations = OptionDeclarations> = Definition<
  'notifier',
  D,
  (options: OptionsOf<D>, context: PluginContext) => Notifier
>;
export type PluginDefinition = AuthenticatorDefinition | InstallerDefinition | NotifierDefinition;

/** Adds the kind and infers the options; an object literal with `kind: 'authenticator'` does as well. */
export function defineAuthenticator<const D extends OptionDeclarations, A extends AnyAuthenticator>(
  definition: Omit<AuthenticatorDefinition<D, A>, 'kind'>,
): AuthenticatorDefinition<D, A> {
  return { kind: 'authenticator', ...definition };
}

export function defineInstaller<const D extends OptionDeclarations>(definition: Omit<InstallerDefinition<D>, 'kind'>): InstallerDefinition<D> {
  return { kind: 'installer', ...definition };
}

export function defineNotifier<const D extends OptionDeclarations>(definition: Omit<NotifierDefinition<D>, 'kind'>): NotifierDefinition<D> {
  return { kind: 'notifier', ...definition };
}

/** Codes a plugin may put on an error it throws; core gives any other error its own. */
export type PluginFaultCode =
  | 'INSTALLER_NOT_FOUND'
  | 'INSTALLER_AMBIGUOUS'
  | 'INSTALLER_REJECTED'
  | 'INSTALLER_RELOAD_FAILED'
  | 'INSTALLER_UNREADABLE'
  | 'PLUGIN_OPTION_INVALID'
  | 'PLUGIN_PRESENT_FAILED'
  | 'PLUGIN_NOTIFY_FAILED';

/** An error that core shows as it stands. A plugin without this function throws any Error with the same members. */
export function pluginFault(code: PluginFaultCode, message: string, hint: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code, hint });
}

/** One of the servers that a choice could mean: the options that, added to what was said, mean it alone. */
export interface ServerChoice {
  readonly title: string;
  readonly options: Readonly<Record<string, string>>;
}

/** INSTALLER_AMBIGUOUS, with what a person can choose from. */
export function ambiguousFault(message: string, hint: string, choices: readonly ServerChoice[]): Error {
  return Object.assign(pluginFault('INSTALLER_AMBIGUOUS', message, hint), { choices });
}
