import { chmodSync, chownSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Ca, startCa } from './support/ca.ts';
import { openScene, type Scene, type Seen } from './support/scene.ts';

// A lineage's file that cannot be used is that lineage's trouble: it is named with its line, and the others go on.

vi.setConfig({ testTimeout: 120_000 });

const GOOD = 'good.test';
const BROKEN = 'broken.test';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let ca: Ca;
let scene: Scene;
const later: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ca = await startCa();
  scene = await openScene(
    ca,
    {
      sites: [
        { names: [GOOD], tls: true },
        { names: [BROKEN], tls: true },
      ],
    },
    (work) => void later.push(work),
  );
  const first = await scene.certkit('renew');
  expect(first.exitCode, first.all).toBe(0);
});
afterAll(async () => {
  for (const work of later.reverse()) await work();
  await ca?.stop();
});

const path = () => join(scene.home.path, 'lineages', `${BROKEN}.yaml`);
const good = () =>
  `identifiers: [${BROKEN}]\nauthenticator:\n  plugin: webroot\n  root: ${scene.sites[1]?.webroot}\ninstallers:\n  - ${JSON.stringify(scene.installer)}\n`;
/** How many versions a lineage got so far: old ones are removed, and numbers rise. */
const newest = () => Math.max(...readdirSync(join(scene.home.path, 'archive', GOOD)).map(Number));

interface Broken {
  readonly code: string;
  /** The line that is named; `undefined` where the file as a whole is meant. */
  readonly line?: number;
  readonly because: RegExp;
  /** What it keeps from being done; both where the file says nothing. */
  readonly keepsFrom?: 'renewal' | 'deployment';
  write(): void;
}

/** Anew: owner and mode are those of a file of ours. */
const write = (text: string | Uint8Array) => {
  rmSync(path(), { force: true });
  writeFileSync(path(), text, { mode: 0o600 });
};

const table: readonly (readonly [title: string, Broken])[] = [
  [
    'is no YAML',
    { code: 'STORE_UNREADABLE', line: 3, because: /end with a }/, write: () => write(`identifiers: [${BROKEN}]\nauthenticator: {plugin: webroot\n`) },
  ],
  ['has a tab', { code: 'STORE_UNREADABLE', line: 4, because: /[Tt]ab/, write: () => write(good().replace('  root', '\troot')) }],
  ['has an unknown key', { code: 'STORE_UNREADABLE', line: 7, because: /"renew_befor" is not known/, write: () => write(`${good()}renew_befor: 20%\n`) }],
  ['has a key twice', { code: 'STORE_UNREADABLE', line: 7, because: /unique/, write: () => write(`${good()}identifiers: [x.test]\n`) }],
  [
    'has a value that does not fit',
    { code: 'STORE_UNREADABLE', line: 7, because: /renew_before: "soon"/, write: () => write(`${good()}renew_before: soon\n`) },
  ],
  ['is empty', { code: 'STORE_UNREADABLE', because: /"key: value" members are wanted/, write: () => write('') }],
  [
    'is no UTF-8',
    { code: 'STORE_UNREADABLE', line: 7, because: /UTF-8/, write: () => write(Buffer.concat([Buffer.from(good()), Buffer.from([0x23, 0xe4, 0x0a])])) },
  ],
  [
    'has an option its authenticator does not know',
    {
      code: 'PLUGIN_OPTION_INVALID',
      line: 5,
      because: /there is no such option/,
      keepsFrom: 'renewal',
      write: () => write(good().replace('installers:', '  rot: /srv\ninstallers:')),
    },
  ],
  [
    'has an option that its installer cannot use',
    {
      code: 'PLUGIN_OPTION_INVALID',
      line: 6,
      because: /not an absolute path/,
      keepsFrom: 'deployment',
      write: () => write(good().replace('"binary":"', '"binary":".')),
    },
  ],
  [
    'names a plugin that nobody has',
    {
      code: 'PLUGIN_NOT_FOUND',
      line: 3,
      because: /"telepathy"/,
      keepsFrom: 'renewal',
      write: () => write(good().replace('plugin: webroot', 'plugin: telepathy')),
    },
  ],
  [
    'is not ours',
    {
      ...(isRoot ? { code: 'STORE_UNSAFE', because: /belongs to user 65534/ } : { code: 'STORE_UNREADABLE', because: /permission denied/ }),
      write() {
        write(good());
        if (isRoot) chownSync(path(), NOBODY, NOBODY);
        else chmodSync(path(), 0);
      },
    },
  ],
  [
    'may be written by others',
    {
      code: 'STORE_UNSAFE',
      because: /others may write it/,
      write() {
        write(good());
        chmodSync(path(), 0o666);
      },
    },
  ],
];

describe('a lineage whose file', () => {
  for (const [title, { code, line, because, keepsFrom, write: breakIt }] of table) {
    test(`${title}: it is named with its place, and the other lineage is renewed and served`, async () => {
      breakIt();
      const named = line === undefined ? path() : `${path()}:${line}`;
      const before = newest();

      const renewed = await scene.certkit('renew', '--force', '--no-deploy');
      if (keepsFrom !== 'deployment') expectNamed(renewed);
      expect(newest(), renewed.all).toBe(before + 1);
      const deployed = await scene.certkit('deploy', '--now');
      if (keepsFrom !== 'renewal') expectNamed(deployed);
      expect(deployed.deployment(GOOD).result, deployed.all).toBe('deployed');
      expect(await scene.served(GOOD)).toBe(scene.leafOf(GOOD, before + 1));

      const status = await scene.home.run(['status']);
      expect(status.stdout).toMatch(new RegExp(`^${GOOD}\\n {2}names {4}${GOOD}$`, 'm'));
      expect(status.stdout).toContain(named);

      write(good());
      scene.expectAtRest();

      function expectNamed({ exitCode, words, all }: Seen): void {
        expect(exitCode, all).toBe(1);
        const told = words.split('\n').find((text) => text.includes(named));
        expect(told, all).toMatch(because);
        expect(told, all).toContain(code);
      }
    });
  }
});
