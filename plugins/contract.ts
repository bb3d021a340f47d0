import type { Assessment, ChallengeType, HttpTask, Receipt, TaskOf } from '../core/model/challenge.ts';
import type { ChangePlan } from '../core/model/change-plan.ts';
import type { Identifier } from '../core/model/identifier.ts';
import type { KeyType } from '../core/model/lineage.ts';
import type { Digest } from '../core/model/news.ts';
import type { ProofsPlace, Survey } from '../core/model/site.ts';

export type {
  Assessment,
  ChallengeTask,
  ChallengeType,
  DnsAccountTask,
  DnsPersistTask,
  DnsTask,
  HttpTask,
  Receipt,
  ServedPath,
  TaskOf,
  TlsAlpnTask,
} from '../core/model/challenge.ts';
export type { ChangePlan, ContentPart, Note, PlacedFile, PlannedCommand, PlannedSplice, Refusal, Serving } from '../core/model/change-plan.ts';
export type { Identifier } from '../core/model/identifier.ts';
export type { Digest, NewsItem, NewsKind } from '../core/model/news.ts';
export type {
  Endpoint,
  Finding,
  InstalledPair,
  Listen,
  ProofsPlace,
  Server,
  ServerProcess,
  Site,
  Survey,
  SurveyedFile,
  SurveyFault,
} from '../core/model/site.ts';

/** The version of this contract that core speaks; a package's range is judged against it before its code is loaded. */
export const CONTRACT_VERSION = '0.9.1';

export type PluginKind = 'authenticator' | 'installer' | 'notifier' | 'dns-provider';

/** How an option is written: on the command line and in a lineage's file alike. */
export type OptionType = 'text' | 'file' | 'directory' | 'integer' | 'port' | 'boolean' | 'mode' | 'command';

/** One declared option, as plain data. Flags, YAML keys, prompts, validation and docs all come from it. */
export interface OptionDeclaration {
  readonly type: OptionType;
  readonly text: string;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly default?: string | number | boolean | readonly string[];
  /** It may differ by identifier: one value for all, or `name=value` for each, given several times. Of authenticators alone. */
  readonly byName?: boolean;
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

/** The values of an option that may differ by identifier. */
export interface ByName<T> {
  /** For the identifiers that have none of their own. */
  readonly others?: T;
  /** By an identifier's value: `www.example.com`, `*.example.com`. */
  readonly names: Readonly<Record<string, T>>;
}

type ValueOf<D extends OptionDeclaration> = D extends { byName: true }
  ? ByName<OptionValues[D['type']]>
  : D extends { required: true } | { default: NonNullable<OptionDeclaration['default']> }
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
  /** Variables of its environment beside PATH. The place for a secret that a program takes: arguments are for all to see. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs programs: argument vectors, no shell, fixed locale, nothing of the environment but PATH and what is given. */
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

/** One address of an authoritative server of a zone. */
export interface NameServer {
  /** As the zone's NS record has it, without the last dot. */
  readonly name: string;
  /** An IP address without brackets. */
  readonly address: string;
}

/** Where a name leads in the DNS, CNAMEs followed. Names are lower-case and without the last dot. */
export interface DnsPlace {
  /** The name where a record has to be: the last of the CNAMEs, or the one asked about. */
  readonly name: string;
  /** The CNAMEs on the way, as they were met: none for most. */
  readonly aliases: readonly string[];
  /** The zone it is in, as SOA records tell. */
  readonly zone: string;
  /** All addresses of all servers of that zone; never none. */
  readonly servers: readonly NameServer[];
}

/** Questions to the DNS, asked at the resolvers that certkit.yaml names, else the machine's. What is not there is empty; no answer is PLUGIN_DNS_FAILED. */
export interface Dns {
  /** Where a record for this name has to be, and who answers for it. */
  place(name: string, signal: AbortSignal): Promise<DnsPlace>;
  /**
   * The values of all TXT records at this very name, the strings of one record joined.
   *
   * @param at - the one server to ask: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`
   */
  txt(name: string, signal: AbortSignal, at?: string): Promise<readonly string[]>;
  /** IPv4 and IPv6 addresses of a name. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** A file that the CA will ask for over HTTP. */
export interface HttpExpectation {
  readonly identifier: Identifier;
  /** `/.well-known/acme-challenge/TOKEN` */
  readonly path: string;
  readonly content: string;
  /** 80, where every CA but one for tests asks. */
  readonly port: number;
}

/** What was seen of it. `because` and `hint` are sentences for people. */
export type HttpSight =
  | { readonly kind: 'right' }
  /** Somebody answered, and the CA would be answered the same. */
  | { readonly kind: 'wrong'; readonly because: string; readonly hint: string }
  /** Nobody could be asked from here, which says little about the CA. */
  | { readonly kind: 'unseen'; readonly because: string };

export interface HttpCheck {
  /** Asks for the file the way a CA does: by the name's addresses, redirects followed (RFC 8555 section 8.3). */
  look(expected: HttpExpectation, signal: AbortSignal): Promise<HttpSight>;
}

/** The person who started this, at a terminal. */
export interface Person {
  show(text: string): void;
  /** A line from them; `undefined` when they are gone. */
  ask(question: string): Promise<string | undefined>;
}

export interface DnsProviders {
  /**
   * The provider that a person means: one that certkit.yaml sets up below `dns_providers`, by its name there; else a plugin
   * by itself, `exec`, perhaps with the option that it takes so: `exec:/usr/local/bin/set-record`.
   *
   * @throws PLUGIN_NO_DNS_PROVIDER, PLUGIN_OPTION_INVALID, PLUGIN_SECRET_UNREADABLE, and what finding a plugin and reading certkit.yaml throw
   */
  find(name: string): Promise<DnsProvider>;
}

export interface PluginClock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

/** What authenticators see beside the rest: what is needed to publish proofs, and to see that they are there. */
export interface AuthenticatorContext extends PluginContext<PluginFiles> {
  readonly dns: Dns;
  readonly dnsProviders: DnsProviders;
  readonly http: HttpCheck;
  readonly clock: PluginClock;
  /** Absent where nobody is there. */
  readonly person?: Person;
}

/** What `present` answers for one task: its receipt, or the error that kept it from being published, when others of the batch were. */
export type Presented = Receipt | Error;

/** Proves control of names by publishing what the CA asks for. */
export interface Authenticator<T extends ChallengeType = ChallengeType> {
  /** May the scheduler use it, with nobody watching? */
  readonly unattended: boolean;
  /** `one-batch`: core waits for `remove` of one batch before the next `present`. `any`: batches may overlap. */
  readonly concurrency: 'one-batch' | 'any';
  /** Which challenge types it can answer for a name, best first, or why none. Pure. */
  assess(identifier: Identifier): Assessment<T>;
  /**
   * Publishes the proofs of all tasks that are ready, of one lineage or many, and answers for each, in order, once the CA may look.
   * Succeeds over leftovers of the same tasks. Of tls-alpn-01 a name has one task at a time. When it throws, core calls `remove` for every task of the batch; and for those with an error.
   */
  present(tasks: readonly TaskOf<T>[], signal: AbortSignal): Promise<readonly Presented[]>;
  /** Takes one proof away, perhaps in a later process and from the journalled task alone. Twice is fine. Not called for proofs that stay (dns-persist-01). */
  remove(task: TaskOf<T>, receipt?: Receipt): Promise<void>;
}

/** An authenticator that can tell beforehand whether it would work now. */
export interface ForeseeingAuthenticator<T extends ChallengeType = ChallengeType> extends Authenticator<T> {
  readonly foresees: true;
  /** Throws why the identifiers could not be proven now. Asks no CA and touches nothing. */
  foresee(identifiers: readonly Identifier[], signal: AbortSignal): Promise<void>;
}

/** One TXT record. */
export interface TxtRecord {
  /** Fully qualified, lower-case, without the last dot. */
  readonly name: string;
  readonly value: string;
  readonly ttlSeconds: number;
}

/**
 * Makes and removes records at one DNS provider. Calls for one zone come one after the other, with all records that are ready;
 * calls for different zones may overlap.
 */
export interface DnsProvider {
  /** Adds the records beside what is there; one that is there already is fine. Returns when the provider has taken them: who serves them yet is not its matter. */
  append(zone: string, records: readonly TxtRecord[], signal: AbortSignal): Promise<void>;
  /** Removes records with these very names and values, and no other. Those that are gone are fine. */
  remove(zone: string, records: readonly TxtRecord[], signal: AbortSignal): Promise<void>;
}

/** A task, and the lineage that it is for. */
export interface ServerTask {
  readonly lineage: string;
  readonly task: HttpTask;
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
  assess(identifier: Identifier): Assessment<'http-01'>;
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

/** An installer that can tell where its server has the files of proofs, for authenticators that put them there. */
export interface LocatingInstaller extends Installer {
  readonly locates: 'proofs';
  /** Pure. `undefined` where the server would not be asked for the name. */
  locateProofs(identifier: Identifier, survey: Survey): ProofsPlace | undefined;
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

export type AnyAuthenticator = Authenticator | ForeseeingAuthenticator | ServerAuthenticator;

export type AuthenticatorDefinition<D extends OptionDeclarations = OptionDeclarations, A extends AnyAuthenticator = AnyAuthenticator> = Definition<
  'authenticator',
  D,
  (options: OptionsOf<D>, context: AuthenticatorContext) => A
>;
export type InstallerDefinition<D extends OptionDeclarations = OptionDeclarations> = Definition<
  'installer',
  D,
  (options: OptionsOf<D>, context: PluginContext) => Installer | LocatingInstaller
>;
export type NotifierDefinition<D extends OptionDeclarations = OptionDeclarations> = Definition<
  'notifier',
  D,
  (options: OptionsOf<D>, context: PluginContext) => Notifier
>;
export interface DnsProviderDefinition<D extends OptionDeclarations = OptionDeclarations>
  extends Definition<'dns-provider', D, (options: OptionsOf<D>, context: PluginContext) => DnsProvider> {
  /** The option that `NAME:VALUE` sets. */
  readonly argument?: keyof D & string;
}
export type PluginDefinition = AuthenticatorDefinition | InstallerDefinition | NotifierDefinition | DnsProviderDefinition;

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

export function defineDnsProvider<const D extends OptionDeclarations>(definition: Omit<DnsProviderDefinition<D>, 'kind'>): DnsProviderDefinition<D> {
  return { kind: 'dns-provider', ...definition };
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
  | 'PLUGIN_DNS_FAILED'
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
