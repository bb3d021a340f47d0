import type { Installer, LocatingInstaller } from '../../plugins/contract.ts';
import type { Issued, IssuedRequest } from '../acme/chain.ts';
import type { RenewalInfo } from '../acme/renewal-info.ts';
import type { RevocationQuestion } from '../acme/revocation.ts';
import type { AcmeSession } from '../acme/session.ts';
import type { CertkitError } from '../errors.ts';
import type { ServedPath } from '../model/challenge.ts';
import type { PlacedChoice } from '../model/configuration.ts';
import type { Tell } from '../model/event.ts';
import type { Identifier } from '../model/identifier.ts';
import type { Authority, KeyAlgorithm, PluginChoice } from '../model/lineage.ts';
import type { RevocationReply } from '../model/revocation.ts';
import type { ServerProcess, Survey } from '../model/site.ts';
import type { Clock, Executor, Files, Probe, Random, Staging } from '../ports.ts';
import type { Store } from '../store/store.ts';
import type { Prover } from './prover.ts';

/** The CA as flows see it; loaded when the first order is placed. */
export interface CertificateAuthority {
  /** Loads what speaks to a CA, so that it is there when it is needed. Asks nobody. */
  load(): Promise<void>;
  session(authority: Authority, signal: AbortSignal): Promise<AcmeSession>;
  /** Sees that a CA answers there and is trusted; throws why not. */
  reach(authority: Authority, signal: AbortSignal): Promise<void>;
  createKeyPem(algorithm: KeyAlgorithm): Promise<string>;
  createCsr(identifiers: readonly Identifier[], keyPem: string): Promise<Uint8Array>;
  readIssued(request: IssuedRequest): Promise<Issued>;
  /** When the CA wants the certificate to be renewed; `undefined` where it does not say such things. Needs no account. */
  renewalInfo(authority: Authority, certificatePem: string, signal: AbortSignal): Promise<RenewalInfo | undefined>;
  /** What ARI knows the certificate by, for the order that replaces it (RFC 9773 section 5); `undefined` where it has no such name. */
  certificateId(certificatePem: string): Promise<string | undefined>;
  /** Whether a certificate is revoked, as those say whom it names itself. */
  revocation(question: RevocationQuestion, signal: AbortSignal): Promise<RevocationReply>;
}

/** Running servers, as the machine knows them. */
export interface Servers {
  isRunning(process: ServerProcess): Promise<boolean>;
  /** The program that listens there, by name and pid; `undefined` when the address is free or the kernel does not tell. */
  holderOf(address: string, port: number): Promise<string | undefined>;
  startAgain(process: ServerProcess): Promise<void>;
}

/** What a choice is for. */
export type ChoiceKind = 'authenticator' | 'installer';

/** What installers and authenticators that answer through a server have in common. */
export type PluggedServer = Pick<Installer, 'survey' | 'test' | 'reload'>;

/** What a plugin makes of what a person wrote for it. */
export interface ChoiceVerdict {
  /** Why it cannot be used so; `option` where it is about one. */
  readonly fault?: { readonly option?: string; readonly because: string; readonly error: CertkitError };
  /** The values of options that are declared secret. */
  readonly secrets: readonly { readonly option: string; readonly value: string }[];
}

/** An authenticator that is installed, by what it declares. */
export interface OfferedAuthenticator {
  readonly plugin: string;
  readonly summary: string;
  /** Options without which it cannot be made. */
  readonly required: readonly { readonly option: string; readonly text: string }[];
  /** Why it cannot be had. */
  readonly error?: CertkitError;
}

/** Plugins by a person's choice; the same choice is the same instance throughout a run. */
export interface Plugins {
  authenticator(choice: PluginChoice): Promise<Prover>;
  installer(choice: PluginChoice): Promise<Installer | LocatingInstaller>;
  /** What makes a server read its configuration again: an installer, or an authenticator that answers through the server. */
  server(kind: ChoiceKind, choice: PluginChoice): Promise<PluggedServer>;
  /** The same with programs that see a staged view of the file system. */
  staged(kind: ChoiceKind, choice: PluginChoice, programs: Executor): Promise<PluggedServer>;
  /** By its declarations, and by what it says itself when it is made. Nothing is thrown. */
  judge(choice: PlacedChoice): Promise<ChoiceVerdict>;
  /** Every installer that is installed, without options: what can be asked although no lineage names it. */
  unasked(): Promise<readonly PluginChoice[]>;
  /** Every authenticator that is installed. */
  authenticators(): Promise<readonly OfferedAuthenticator[]>;
  /** The choice as a journal may hold it. */
  withoutSecrets(kind: ChoiceKind, choice: PluginChoice): Promise<PluginChoice>;
}

/** Names to be proven, and what may be known already of the servers that have them. */
export interface WantedPaths {
  readonly prover: Pick<Prover, 'assess' | 'choiceFor'>;
  readonly identifiers: readonly Identifier[];
  /** Of the lineage: their servers are looked into first. */
  readonly installers: readonly PluginChoice[];
  /** By slot: servers that were looked at a moment ago. */
  readonly looked?: ReadonlyMap<string, { readonly survey: Survey }>;
}

/** Where the servers of this machine have the proofs of names. */
export interface ServedPaths {
  /**
   * By an identifier's value: for each whose authenticator wants to know it.
   *
   * @throws INSTALLER_NO_WEBROOT, INSTALLER_SEVERAL_WEBROOTS
   */
  find(wanted: WantedPaths): Promise<ReadonlyMap<string, ServedPath>>;
}

/** What recovery met and that is no lineage's. */
export interface Unrecovered {
  /** Entries of the journal that nobody can read. */
  readonly entries: readonly CertkitError[];
  /** Post hooks, of runs that were cut off, that failed or could not be called. */
  readonly postHooks: readonly CertkitError[];
}

/** What every flow may use: ports, the store, the CA and the plugins. */
export interface Needs {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly programs: Executor;
  /** A unified diff of two texts, for messages. */
  difference(path: string, before: Uint8Array, after: Uint8Array): Promise<string>;
  readonly store: Store;
  readonly ca: CertificateAuthority;
  readonly plugins: Plugins;
  readonly servedPaths: ServedPaths;
  readonly probe: Probe;
  readonly servers: Servers;
  readonly staging: Staging;
  readonly tell: Tell;
  readonly signal: AbortSignal;
  /** Ids of journal entries that recovery left to be gone on with. */
  readonly unfinished: ReadonlySet<string>;
  /** By lineage: why recovery could not put it right. Nothing is deployed over what is unclear. */
  readonly stuck: ReadonlyMap<string, CertkitError>;
  readonly unrecovered: Unrecovered;
  /** A person started this: their errors are theirs to see, back-off does not hold them up. */
  readonly watched: boolean;
}
