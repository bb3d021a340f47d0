import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fault } from '../errors.ts';
import type { HookEvent } from '../model/hook.ts';
import { type KeyType, parseLineageName } from '../model/lineage.ts';

const HASH_CHARS = 12;

/** Where everything stands below home. Whatever becomes part of a path is checked here, and nowhere joined unchecked. */
export interface Layout {
  readonly home: string;
  readonly settings: string;
  readonly lineages: string;
  readonly live: string;
  readonly archives: string;
  readonly index: string;
  readonly windows: string;
  readonly revocations: string;
  readonly news: string;
  readonly lastRun: string;
  readonly authorities: string;
  readonly accounts: string;
  readonly stateRoot: string;
  readonly states: string;
  readonly allWritten: string;
  readonly journal: string;
  readonly drafts: string;
  readonly allCheckpoints: string;
  readonly runLog: string;
  readonly runLogLock: string;
  /** Directories that `prepare` makes, parents first. */
  readonly folders: readonly string[];
  hookFolder(event: HookEvent): string;
  lineageFile(name: string): string;
  liveLink(name: string): string;
  archive(name: string): string;
  version(name: string, number: number): string;
  making(name: string, number: number): string;
  /** A version that is being removed: no reader takes it for one. */
  doomed(name: string, number: number): string;
  state(name: string): string;
  written(name: string): string;
  lineageLock(name: string): string;
  serverLock(key: string): string;
  journalEntry(id: string): string;
  checkpoints(id: string): string;
  /** The copy of one path: named by its hash, so that a later process finds the same name. */
  checkpoint(id: string, path: string): string;
  /** The account certkit uses at a CA: one for each directory URL. */
  account(directory: string): string;
}

export function createLayout(home: string): Layout {
  const at = (...parts: string[]) => join(home, ...parts);
  const archive = (name: string) => at('archive', checkedName(name));
  const checkpoints = (id: string) => at('state', 'checkpoints', checkedId(id));
  return {
    home,
    settings: at('certkit.yaml'),
    lineages: at('lineages'),
    live: at('live'),
    archives: at('archive'),
    index: at('state', 'index.json'),
    windows: at('state', 'renewal-windows.json'),
    revocations: at('state', 'revocations.json'),
    news: at('state', 'news.json'),
    lastRun: at('state', 'last-run.json'),
    authorities: at('state', 'authorities.json'),
    accounts: at('accounts'),
    stateRoot: at('state'),
    states: at('state', 'lineages'),
    allWritten: at('state', 'written'),
    journal: at('state', 'journal'),
    drafts: at('state', 'drafts'),
    allCheckpoints: at('state', 'checkpoints'),
    runLog: at('state', 'log', 'run.ndjson'),
    runLogLock: at('state', 'log', 'run.lock'),
    folders: [
      at('lineages'),
      at('live'),
      at('archive'),
      at('accounts'),
      at('state'),
      ...['lineages', 'written', 'locks', 'journal', 'checkpoints', 'log'].map((part) => at('state', part)),
      at('state', 'locks', 'servers'),
    ],
    hookFolder: (event) => at('hooks.d', event),
    lineageFile: (name) => at('lineages', `${checkedName(name)}.yaml`),
    liveLink: (name) => at('live', checkedName(name)),
    archive,
    version: (name, number) => join(archive(name), versionName(number)),
    making: (name, number) => join(archive(name), `.${versionName(number)}`),
    doomed: (name, number) => join(archive(name), `.gone-${versionName(number)}`),
    state: (name) => at('state', 'lineages', `${checkedName(name)}.json`),
    written: (name) => at('state', 'written', `${checkedName(name)}.json`),
    lineageLock: (name) => at('state', 'locks', `${checkedName(name)}.lock`),
    serverLock: (key) => at('state', 'locks', 'servers', `${sha256(key).slice(0, 2 * HASH_CHARS)}.lock`),
    journalEntry: (id) => at('state', 'journal', `${checkedId(id)}.json`),
    checkpoints,
    checkpoint: (id, path) => join(checkpoints(id), sha256(path).slice(0, 2 * HASH_CHARS)),
    account: (directory) => at('accounts', authorityName(directory), 'default'),
  };
}

/** `0007`; five digits and more from version 10000 on. */
export function versionName(number: number): string {
  return String(number).padStart(4, '0');
}

/** What a live link holds: relative, so that home may be moved. */
export function linkTarget(name: string, number: number): string {
  return `../archive/${name}/${versionName(number)}`;
}

/** The folder of a key type within a version: the version itself when it has one key type alone. */
export function setFolder(keyType: KeyType, several: boolean): '.' | KeyType {
  return several ? keyType : '.';
}

function checkedName(name: string): string {
  const parsed = parseLineageName(name);
  if (!parsed.ok) throw fault('USAGE_BAD_LINEAGE_NAME', { name, because: parsed.because });
  return parsed.value;
}

function checkedId(id: string): string {
  if (!parseLineageName(id).ok) throw fault('BUG_UNEXPECTED', { because: `"${id}" cannot be the id of a journal entry` });
  return id;
}

/** Readable by its host and path, and distinct by a hash of the whole URL. */
function authorityName(directory: string): string {
  const url = new URL(directory);
  const readable = `${url.host}${url.pathname}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll('..', '.')
    .replace(/^[-.]+|[-.]+$/g, '');
  return `${readable.slice(0, 100)}-${sha256(url.href).slice(0, HASH_CHARS)}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
