import type { FileReader, PluginFiles, ProgramResult, RunOptions } from '../plugins/contract.ts';
import type { KeyType } from './model/lineage.ts';
import type { SecretReference } from './model/secret-reference.ts';
import type { Endpoint } from './model/site.ts';

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Programs as core runs them; a plugin's have no variables but PATH. */
export interface Executor {
  run(file: string, args: readonly string[], options?: RunOptions & { readonly variables?: Readonly<Record<string, string>> }): Promise<ProgramResult>;
}

export interface WriteOptions {
  readonly mode: number;
  readonly owner?: string;
  readonly group?: string;
}

/** The file system, with effects that are durable when they return: written beside, fsynced, renamed, directory fsynced. */
export interface Files extends PluginFiles {
  /** Writes a file of ours; its directory must be there. */
  write(path: string, bytes: Uint8Array | string, options: WriteOptions): Promise<void>;
  /** The same for a small file that may be lost: nothing is fsynced, and a power cut may bring the one before it back, or leave it empty. */
  writeLightly(path: string, text: string, options: Pick<WriteOptions, 'mode'>): Promise<void>;
  /** Adds one line to a file of ours that is only ever appended to. Not fsynced. */
  append(path: string, line: string, options: WriteOptions): Promise<void>;
  /** Creates a directory and missing ones above it; those that are there stay as they are. */
  makeDirectory(path: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes or switches a symbolic link by one rename. */
  switchLink(path: string, target: string): Promise<void>;
  /** Nothing there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a directory of ours and all below it, following no link. Nothing there is fine. */
  removeTree(path: string): Promise<void>;
  /**
   * Replaces the bytes of a file that is not ours, keeping owner, mode, ACL, xattrs and label, through links.
   * @param expectedSha256 - of the bytes that are there now; anything else is STORE_FILE_CHANGED and nothing is touched
   */
  rewrite(path: string, bytes: Uint8Array, expectedSha256: string): Promise<void>;
  setOwnership(path: string, options: { readonly mode?: number; readonly owner?: string; readonly group?: string }): Promise<void>;
}

export type { FileReader };

/** Secrets that a configuration refers to. */
export interface Secrets {
  /** @throws PLUGIN_SECRET_UNREADABLE, STORE_UNREADABLE; no error has the secret in it */
  read(reference: SecretReference): Promise<string>;
}

export interface Lock {
  release(): Promise<void>;
}

export interface Locks {
  /** Waits for the kernel's lock on the file, which is made if missing; STORE_LOCKED with the holder's pid when the limit is over. */
  acquire(
    path: string,
    options: { readonly limitMs: number; readonly signal?: AbortSignal; readonly onWait?: (holderPid: number | undefined) => void },
  ): Promise<Lock>;
}

/** What a handshake showed. Addresses are concrete: no wildcard. */
export type ProbeAnswer =
  | {
      readonly kind: 'served';
      /** SHA-256 of each DER, leaf first, as sent. */
      readonly sha256: readonly string[];
      /** Until when the leaf is valid; absent where that cannot be read. */
      readonly notAfterMs?: number;
    }
  /** Nobody listens, or the connection broke. */
  | { readonly kind: 'silent'; readonly because: string }
  /** Somebody answers, and not with TLS that ends in a certificate. */
  | { readonly kind: 'refused'; readonly because: string };

/** What a request over plain HTTP brought; bytes as Latin-1 characters. */
export type HttpAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string; readonly location?: string }
  | { readonly kind: 'silent'; readonly because: string };

export interface Probe {
  /** One handshake without session reuse. `name` absent: no SNI. `keyType` restricts the signature algorithms offered. */
  handshake(at: {
    readonly endpoint: Endpoint;
    readonly name?: string;
    readonly keyType?: KeyType;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<ProbeAnswer>;
  /** One request over plain HTTP. */
  ask(at: {
    readonly endpoint: Endpoint;
    readonly host: string;
    readonly path: string;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<HttpAnswer>;
  /** Addresses of this machine, for wildcard listens. */
  localAddresses(): readonly string[];
}

/** Lets a server judge new bytes while the real files stay as they are. */
export interface Staging {
  /**
   * An executor whose programs see `overlays` in place of the real files or directories.
   * `undefined` with a reason where the kernel does not let us.
   */
  open(overlays: readonly { readonly real: string; readonly staged: string }[]): Promise<{ readonly programs: Executor } | { readonly unavailable: string }>;
}

/** Calls an address of the web. */
export interface Web {
  /** One GET over a connection of its own; TLS is verified, no redirect followed. Answers the status; rejects when none comes. */
  get(url: string, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<number>;
}

/** The machine's own log. */
export interface SystemLog {
  /** An entry for each line, as an error of a daemon. @throws EXEC_NOT_FOUND, EXEC_FAILED */
  write(lines: readonly string[], signal: AbortSignal): Promise<void>;
}

export interface Log {
  debug(text: string): void;
  warn(text: string): void;
}

export interface Random {
  /** In [0, 1). */
  fraction(): number;
  /** Lower-case hex, `bytes` long. */
  hex(bytes: number): string;
}
