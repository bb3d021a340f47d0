import { posix } from 'node:path';
import type { FileFacts, FileReader } from './contract.ts';

/** A place where plugin packages are looked for. */
export interface PluginRoot {
  /** Absolute: certkit's own package (`own`), or a `node_modules` directory. */
  readonly path: string;
  /** `own`: certkit itself. `siblings`: the node_modules certkit was installed in. `home`: `<home>/plugins/node_modules`. */
  readonly kind: 'own' | 'siblings' | 'home';
}

/** Where a package stands, before anything of it was read. */
export interface PackagePlace {
  readonly root: PluginRoot;
  /** The name of its directory below node_modules, which is the name it is installed by. */
  readonly name: string;
  readonly path: string;
}

const NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*$/i;

/** A name npm could have installed: it may be joined to a path. */
export function isPackageName(name: string): boolean {
  return name.length <= 214 && NAME.test(name);
}

/** The packages of a node_modules directory by name, scoped ones included; nothing of them is read. */
export async function packagesIn(root: PluginRoot, files: FileReader): Promise<readonly PackagePlace[]> {
  const names = ((await files.list(root.path)) ?? []).map(async (name) => {
    if (!name.startsWith('@')) return [name];
    const scoped = await files.list(posix.join(root.path, name)).catch(() => undefined); // a file of that name holds no package
    return (scoped ?? []).map((each) => `${name}/${each}`);
  });
  return (await Promise.all(names))
    .flat()
    .filter(isPackageName)
    .map((name) => ({ root, name, path: posix.join(root.path, name) }));
}

/**
 * Why code at this place must not run as root, or nothing.
 *
 * Whoever can write to a directory on the way decides what runs. So every directory from the real path up has to be
 * root's and closed to others. A directory of root's that others may write to is accepted if it is sticky, as /tmp is:
 * nobody but the owner can replace what stands in it.
 *
 * @param path - a real path: no link on the way
 */
export async function unsafeForRoot(path: string, files: FileReader): Promise<string | undefined> {
  for (let at = path; ; at = posix.dirname(at)) {
    const facts = await files.facts(at);
    const because = facts === undefined ? 'is not there' : faultOfFacts(facts);
    if (because !== undefined) return `${at} ${because}`;
    if (at === '/') return undefined;
  }
}

function faultOfFacts({ uid, mode, type }: FileFacts): string | undefined {
  if (uid !== 0) return `belongs to user ${uid}, not to root`;
  const sticky = type === 'directory' && (mode & 0o1000) !== 0;
  return (mode & 0o022) === 0 || sticky ? undefined : `can be written to by others than root (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`;
}

/** The real path of an entry if it is a file inside the package, links resolved; else what is wrong. */
export async function entryInside(realPackage: string, entry: string, files: FileReader): Promise<{ readonly path: string } | { readonly because: string }> {
  const real = await files.realPath(posix.join(realPackage, entry));
  if (real === undefined) return { because: `its entry ${entry} is not there` };
  if (!real.startsWith(`${realPackage === '/' ? '' : realPackage}/`)) return { because: `its entry ${entry} leads out of the package` };
  return (await files.facts(real))?.type === 'file' ? { path: real } : { because: `its entry ${entry} is not a file` };
}
