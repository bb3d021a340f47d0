import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Certkit } from '../../core/composition.ts';
import type { Maintenance } from '../../core/flows/maintain.ts';
import type { Event } from '../../core/model/event.ts';
import type { Digest } from '../../core/model/news.ts';
import { projectRoot } from '../parts/tools.ts';
import { script } from '../plugins/notifiers/script.ts';
import { clockAhead, inProcess } from './in-process.ts';

const LONGEST_PAUSE_MS = 20;

/** A home whose certkit runs in this process, by a clock that the test moves. */
export interface ClockedHome {
  readonly path: string;
  /** How far certkit's clock is ahead of the machine's. */
  aheadMs: number;
  nowMs(): number;
  /** What the last run told. */
  readonly told: readonly Event[];
  write(path: string, content: object): void;
  lineage(name: string, more?: object): void;
  /** An entry of `notify` that keeps what it is given in `messages`. */
  readonly channel: object;
  readonly messages: readonly Digest[];
  /** A package of `fixtures/packages`, as npm would have put it there. */
  addPlugin(name: string): void;
  readonly authorities: Readonly<Record<string, { readonly trouble?: { readonly failures: number }; readonly orders?: readonly number[] }>>;
  has(path: string): boolean;
  /** One `certkit renew`, of nobody unless `watched`. */
  renew(options?: {
    readonly watched?: boolean;
    readonly force?: boolean;
    readonly maxIssues?: number;
    readonly names?: readonly string[];
  }): Promise<Maintenance>;
  with<T>(watched: boolean, work: (certkit: Certkit) => Promise<T>): Promise<T>;
  remove(): void;
}

/** @param authenticator - of each lineage that names no other */
export function clockedHome(authenticator: object): ClockedHome {
  const path = mkdtempSync(join(tmpdir(), 'certkit-clocked-'));
  const mailbox = join(path, 'mailbox');
  let told: Event[] = [];
  const home: ClockedHome = {
    path,
    aheadMs: 0,
    nowMs: () => Date.now() + home.aheadMs,
    get told() {
      return told;
    },
    write(file, content) {
      mkdirSync(dirname(join(path, file)), { recursive: true, mode: 0o700 });
      writeFileSync(join(path, file), JSON.stringify(content), { mode: 0o600 });
    },
    lineage: (name, more = {}) => home.write(`lineages/${name}.yaml`, { identifiers: [name], authenticator, ...more }),
    get channel() {
      return { plugin: 'command', run: script(path, 'keep', `cat >> ${mailbox}`) };
    },
    get messages() {
      const lines = existsSync(mailbox) ? readFileSync(mailbox, 'utf8').trim().split('\n') : [];
      return lines.map((line) => JSON.parse(line) as Digest);
    },
    addPlugin(name) {
      const target = join(path, 'plugins/node_modules', name);
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      cpSync(join(projectRoot, 'fixtures/packages', name), target, { recursive: true });
    },
    get authorities() {
      const file = join(path, 'state/authorities.json');
      return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).authorities : {};
    },
    has: (file) => existsSync(join(path, file)),
    renew: ({ watched = false, force = false, maxIssues, names = [] } = {}) =>
      home.with(watched, (certkit) => certkit.maintain({ names, force, deploy: true, dryRun: false, ...(maxIssues === undefined ? {} : { maxIssues }) })),
    with(watched, work) {
      told = [];
      const clock = clockAhead(() => home.aheadMs, LONGEST_PAUSE_MS);
      return inProcess({ home: path, tell: (event) => void told.push(event), clock, watched }, work);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
  return home;
}
