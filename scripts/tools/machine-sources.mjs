// Where this machine gets its Debian packages from: read from its own apt configuration, so that no address stands in this repository.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { ToolError } from './tool-error.mjs';

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The machine's entries for its own Debian release, with `main`, and the like for another.
 *
 * @returns {{ codename: string, stable: Entry[], other(suite: string): Entry[] }} where Entry is `{ uris, suites, signedBy? }`;
 *   `signedBy` as written there: a path, fingerprints, or a whole key block. Without it apt trusts the machine's own keys.
 */
export function readMachineSources() {
  const codename = readCodename();
  const entries = readEntries().filter((entry) => entry.types.includes('deb') && entry.components.includes('main') && isPlausiblyDebian(entry));
  // Other vendors have a suite "stable" too, so it counts only where Debian's is called by no other name.
  const named = withSuites(entries, codename);
  const stable = named.length > 0 ? named : withSuites(entries, 'stable');
  const archives = stable.filter((entry) => entry.suites.some((suite) => suite === codename || suite === 'stable'));
  const archive = archives.find((entry) => entry.uris.some((uri) => /debian/.test(uri))) ?? archives[0];
  if (archive === undefined) {
    throw new ToolError(
      undefined,
      `no apt source for Debian "${codename}" with component main was found below /etc/apt`,
      'This works on Debian; look into /etc/apt/sources.list and /etc/apt/sources.list.d.',
    );
  }
  const signedBy = existsSync(DEBIAN_KEYRING) ? DEBIAN_KEYRING : archive.signedBy;
  return { codename, stable, other: (suite) => [{ ...archive, suites: [suite], signedBy }] };
}

const withSuites = (entries, name) =>
  entries
    .map((entry) => ({ ...entry, suites: entry.suites.filter((suite) => [name, `${name}-updates`, `${name}-security`].includes(suite)) }))
    .filter((entry) => entry.suites.length > 0);

function readCodename() {
  const release = readFileSync('/etc/os-release', 'utf8');
  const id = /^ID="?(\w+)/m.exec(release)?.[1];
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(release)?.[1];
  if (id === 'debian' && codename !== undefined) return codename;
  throw new ToolError(undefined, `this is ${id ?? 'an unknown system'}, not Debian`, 'Tests against real servers need Debian 12 or newer.');
}

/** Other vendors use Debian's suite names too; a source signed by somebody else's key is not Debian's. */
const isPlausiblyDebian = ({ signedBy }) => signedBy === undefined || !signedBy.startsWith('/') || /debian/.test(signedBy);

function readEntries() {
  const files = ['/etc/apt/sources.list', ...listDir('/etc/apt/sources.list.d').map((name) => join('/etc/apt/sources.list.d', name))];
  return files
    .filter((path) => existsSync(path))
    .flatMap((path) => {
      if (path.endsWith('.sources')) return parseDeb822(readFileSync(path, 'utf8'));
      return path.endsWith('.list') ? parseOneLine(readFileSync(path, 'utf8')) : [];
    });
}

const listDir = (dir) => (existsSync(dir) ? readdirSync(dir).sort() : []);

/** sources.list(5), one-line style: `deb [signed-by=KEYRING] URI SUITE COMPONENT...` */
export function parseOneLine(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, type, options = '', uri, suite, components] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return uri.startsWith('cdrom:') ? [] : [{ types: [type], uris: [uri], suites: [suite], components: words(components), signedBy }];
  });
}

/** sources.list(5), deb822 style. */
export function parseDeb822(text) {
  const stanzas = text.replace(/^#.*\n?/gm, '').split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = new Map([...stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm)].map(([, key, value]) => [key.toLowerCase(), value.trim()]));
    if (!fields.has('uris') || fields.get('enabled') === 'no') return [];
    const list = (key) => words(fields.get(key) ?? '');
    return [
      {
        types: list('types'),
        uris: list('uris').filter((uri) => !uri.startsWith('cdrom:')),
        suites: list('suites'),
        components: list('components'),
        signedBy: fields.get('signed-by'),
      },
    ];
  });
}

const words = (text) => text.split(/\s+/).filter((word) => word !== '');

/** The machine's ways to fetch (proxy, retries, certificates), without the parts of its configuration that act on the system. */
export function readFetchSettings() {
  const { stdout } = run('apt-config', ['dump', '--no-empty'], { remedy: 'apt is needed: this works on Debian.' });
  return stdout
    .split('\n')
    .filter((line) => /^Acquire::/.test(line) && !/^Acquire::(IndexTargets|CompressionTypes|Languages|Changelogs|GzipIndexes|PDiffs)/i.test(line));
}
