/** What `nginx -V` says of a binary. */
export interface Build {
  /** As it calls itself: `nginx`, `freenginx`, `openresty`, `Angie`, `Tengine`. */
  readonly product: string;
  /** Its own version, for people: `1.22.1`, `1.21.4.1`. */
  readonly productVersion: string;
  /** The version of nginx it behaves as, which gates features; `undefined` when the text does not say. */
  readonly version: string | undefined;
  /** What was given to configure, by name: `--prefix` is `/usr/local/nginx`. Switches have an empty value. */
  readonly configured: ReadonlyMap<string, string>;
}

/** Of a program that is nginx, and says nothing of itself that can be read. */
export const UNKNOWN_BUILD: Build = { product: 'nginx', productVersion: 'of unknown version', version: undefined, configured: new Map() };

const VERSION_LINE = /^[\w-]+ version: ([\w-]+)\/(\S+)(?: \(nginx\/([\d.]+)\))?/m;
const CONFIGURE_LINE = /^configure arguments:(.*)$/m;

/** Reads the answer to `-V`; `undefined` when it is not that of an nginx or of a product made from it. */
export function parseBuild(text: string): Build | undefined {
  const configure = CONFIGURE_LINE.exec(text);
  if (configure === null) return undefined;
  const configured = parseConfigured(configure[1] ?? '');
  const found = VERSION_LINE.exec(text);
  if (found === null) return { ...UNKNOWN_BUILD, configured };
  const [, product = '', productVersion = '', inBrackets] = found;
  return { product, productVersion, version: inBrackets ?? coreVersion(text, product, productVersion), configured };
}

/** Angie and Tengine add a line for nginx; the other products count as nginx does, with a number of their own behind. */
function coreVersion(text: string, product: string, productVersion: string): string | undefined {
  const said = /^nginx version: nginx\/(\d+\.\d+\.\d+)/m.exec(text)?.[1];
  if (said !== undefined) return said;
  const counts = ['nginx', 'freenginx', 'openresty'].includes(product.toLowerCase());
  return counts ? /^\d+\.\d+\.\d+/.exec(productVersion)?.[0] : undefined;
}

function parseConfigured(line: string): ReadonlyMap<string, string> {
  return new Map(
    splitShellWords(line).map((word) => {
      const at = word.indexOf('=');
      return at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** Words as a shell splits them; `-V` repeats what configure was given, quotes and all. */
export function splitShellWords(text: string): readonly string[] {
  return Array.from(text.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/g), ([word]) =>
    word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
      (_, single?: string, double?: string, escaped?: string) => single ?? double?.replace(/\\(.)/g, '$1') ?? escaped ?? '',
    ),
  );
}

/** Whether a version of nginx is at least `wanted`; one that cannot be read is not. */
export function isAtLeast(version: string | undefined, wanted: string): boolean {
  if (version === undefined) return false;
  const [a, b] = [version, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
