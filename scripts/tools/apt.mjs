// A private apt: own sources, lists and caches below .cache/tools/apt; the machine's mirror, keys and proxy. It needs no root and changes nothing on the system.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS_DIR } from './cache.mjs';
import { readFetchSettings, readMachineSources } from './machine-sources.mjs';
import { run } from './run.mjs';
import { unpackDeb } from './unpack.mjs';

const MIRROR_REMEDY = 'Does "apt-get update" work on this machine? The mirror, the keys and the proxy are taken from its configuration.';
const updated = new Set();

/** The two releases that parts come from: the machine's own, and sid. */
export function createApt(say) {
  return {
    /** Debian packages of this machine's release, checked by apt's signatures. @returns {string[]} paths of the .deb files */
    download: (names, dir) => fetchInto(dir, 'stable', ['download'], names, say),
    /** The same, from sid. */
    downloadFromSid: (names, dir) => fetchInto(dir, 'sid', ['download'], names, say),
    /** The upstream tarball of a source package of this machine's release, checked against the signed index. @returns {string[]} its path */
    downloadTarball: (name, dir) => fetchInto(dir, 'stable', ['source', '--download-only', '--tar-only'], [name], say),
  };
}

function fetchInto(dir, release, command, names, say) {
  const { config, suite } = open(release, say);
  mkdirSync(dir, { recursive: true });
  const fetch = (wanted) => run('apt-get', ['-q', ...command, ...wanted], { cwd: dir, env: { APT_CONFIG: config }, remedy: MIRROR_REMEDY });
  say(`downloading ${command[0] === 'source' ? 'the source of ' : ''}${names.join(', ')}`);
  try {
    fetch(names);
  } catch (error) {
    if (release === 'sid' || !/Failed to fetch|404/.test(error.message)) throw error;
    // A mirror may list a security update and no longer (or not yet) hold its files.
    say(`the mirror lists a newer version that it does not hold; taking the one ${suite} was released with`);
    fetch(names.map((name) => `${name}/${suite}`));
  }
  return readdirSync(dir)
    .sort()
    .map((name) => join(dir, name));
}

/** Writes the configuration of one release and fetches its index, once a process. @returns the path for APT_CONFIG, and the suite */
function open(release, say) {
  const home = join(TOOLS_DIR, 'apt', release);
  const config = join(home, 'apt.conf');
  const sources = readMachineSources();
  const opened = { config, suite: release === 'sid' ? 'sid' : sources.codename };
  if (updated.has(release)) return opened;
  configure(home, config, sources[release]);
  say(`reading the package index of Debian ${opened.suite}`);
  try {
    update(config);
  } catch (error) {
    if (release !== 'sid' || !/NO_PUBKEY|not signed|EXPKEYSIG|KEYEXPIRED/.test(error.message)) throw error;
    // The machine's keys are older than sid's: the newer ones come as a package that the machine's own keys vouch for.
    say("this machine's keyring does not know sid's key; taking the newest keyring of its own release");
    configure(
      home,
      config,
      sources.sid.map((entry) => ({ ...entry, signedBy: newestKeyring(say) })),
    );
    update(config);
  }
  updated.add(release);
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

function configure(home, config, entries) {
  for (const dir of ['state/lists/partial', 'cache/archives/partial', 'sources']) mkdirSync(join(home, dir), { recursive: true });
  if (!existsSync(join(home, 'status'))) writeFileSync(join(home, 'status'), '');
  writeFileSync(join(home, 'sources/debian.sources'), entries.map(stanzaOf).join('\n'));
  writeFileSync(config, `${[...readFetchSettings(), ...ownSettings(home)].join('\n')}\n`);
}

const stanzaOf = ({ uris, suites, signedBy }) => `Types: deb${suites[0] === 'sid' ? '' : ' deb-src'}
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
