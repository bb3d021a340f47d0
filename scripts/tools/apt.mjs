// A private apt: own sources, lists and caches below .cache/tools/apt; the machine's mirror, keys and proxy. It needs no root and changes nothing on the system.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS_DIR } from './cache.mjs';
import { readFetchSettings, readMachineSources } from './machine-sources.mjs';
import { run } from './run.mjs';
import { unpackDeb } from './unpack.mjs';

const MIRROR_REMEDY = 'Does "apt-get update" work on this machine? The mirror, the keys and the proxy are taken from its configuration.';
const updated = new Set();

const TARBALL = ['source', '--download-only', '--tar-only'];

/** Where parts come from: the machine's own release, and two others, of which an index is 10 MB and only what is needed is read. */
const INDEXES = {
  stable: { types: 'deb deb-src' },
  sid: { suite: 'sid', types: 'deb' },
  'trixie-source': { suite: 'trixie', types: 'deb-src' },
};

/** Fetches packages and sources, checked by apt's signatures. Each answers the paths of the files. */
export function createApt(say) {
  return {
    /** Debian packages of this machine's release. @returns {string[]} */
    download: (names, dir) => fetchInto(dir, 'stable', ['download'], names, say),
    /** The same, from sid. @returns {string[]} */
    downloadFromSid: (names, dir) => fetchInto(dir, 'sid', ['download'], names, say),
    /** The upstream tarball of a source package of this machine's release. @returns {string[]} */
    downloadTarball: (name, dir) => fetchInto(dir, 'stable', TARBALL, [name], say),
    /** The same, of trixie. @returns {string[]} */
    downloadTarballOfTrixie: (name, dir) => fetchInto(dir, 'trixie-source', TARBALL, [name], say),
  };
}

function fetchInto(dir, index, command, names, say) {
  const { config, suite } = open(index, say);
  mkdirSync(dir, { recursive: true });
  const fetch = (wanted) => run('apt-get', ['-q', ...command, ...wanted], { cwd: dir, env: { APT_CONFIG: config }, remedy: MIRROR_REMEDY });
  say(`downloading ${command[0] === 'source' ? 'the source of ' : ''}${names.join(', ')}`);
  try {
    fetch(names);
  } catch (error) {
    if (index === 'sid' || !/Failed to fetch|404/.test(error.message)) throw error;
    // A mirror may list a security update and no longer (or not yet) hold its files.
    say(`the mirror lists a newer version that it does not hold; taking the one ${suite} was released with`);
    fetch(names.map((name) => `${name}/${suite}`));
  }
  return readdirSync(dir)
    .sort()
    .map((name) => join(dir, name));
}

/** Writes the configuration for one index and fetches it, once a process. @returns the path for APT_CONFIG, and the suite */
function open(index, say) {
  const { codename, stable, other } = readMachineSources();
  const { suite = codename, types } = INDEXES[index];
  const isOwn = index === 'stable';
  const home = join(TOOLS_DIR, 'apt', index);
  const config = join(home, 'apt.conf');
  const opened = { config, suite };
  if (updated.has(index)) return opened;
  const entries = isOwn ? stable : other(suite);
  configure(home, config, types, entries);
  say(`reading the ${types === 'deb-src' ? 'source ' : ''}package index of Debian ${suite}`);
  try {
    update(config);
  } catch (error) {
    if (isOwn || !/NO_PUBKEY|not signed|EXPKEYSIG|KEYEXPIRED/.test(error.message)) throw error;
    // The machine's keys are older than that release's: the newer ones come as a package that the machine's own keys vouch for.
    say(`this machine's keyring does not know the key of ${suite}; taking the newest keyring of its own release`);
    const signedBy = newestKeyring(say);
    configure(
      home,
      config,
      types,
      entries.map((entry) => ({ ...entry, signedBy })),
    );
    update(config);
  }
  updated.add(index);
  return opened;
}

const update = (config) => run('apt-get', ['-q', 'update', '--error-on=any'], { env: { APT_CONFIG: config }, remedy: MIRROR_REMEDY });

function newestKeyring(say) {
  const dir = join(TOOLS_DIR, 'apt', 'keyring');
  rmSync(dir, { recursive: true, force: true });
  const [deb] = createApt(say).download(['debian-archive-keyring'], dir);
  unpackDeb(deb, dir);
  return join(dir, 'usr/share/keyrings/debian-archive-keyring.gpg');
}

function configure(home, config, types, entries) {
  for (const dir of ['state/lists/partial', 'cache/archives/partial', 'sources']) mkdirSync(join(home, dir), { recursive: true });
  if (!existsSync(join(home, 'status'))) writeFileSync(join(home, 'status'), '');
  writeFileSync(join(home, 'sources/debian.sources'), entries.map((entry) => stanzaOf(types, entry)).join('\n'));
  writeFileSync(config, `${[...readFetchSettings(), ...ownSettings(home)].join('\n')}\n`);
}

const stanzaOf = (types, { uris, suites, signedBy }) => `Types: ${types}
URIs: ${uris.join(' ')}
Suites: ${suites.join(' ')}
Components: main
Architectures: ${run('dpkg', ['--print-architecture']).stdout.trim()}
${signedBy === undefined ? '' : `Signed-By: ${signedBy}\n`}`;

/** Read through APT_CONFIG, that is before everything else: no file of the machine's apt.conf.d is read, so none of its hooks runs. */
const ownSettings = (home) => [
  'Dir::Etc::main "/dev/null";',
  'Dir::Etc::parts "/dev/null";',
  'Dir::Etc::preferences "/dev/null";',
  'Dir::Etc::preferencesparts "/dev/null";',
  'Dir::Etc::sourcelist "/dev/null";',
  `Dir::Etc::sourceparts "${home}/sources/";`,
  `Dir::State "${home}/state/";`,
  `Dir::State::status "${home}/status";`,
  `Dir::Cache "${home}/cache/";`,
  'Dir::Cache::pkgcache "";',
  'Dir::Cache::srcpkgcache "";',
  'Acquire::Languages "none";',
  'Acquire::GzipIndexes "true";',
  'Acquire::PDiffs "false";',
  'APT::Sandbox::User "root";', // apt's own user may not enter our directories
  'APT::Install-Recommends "false";',
];
