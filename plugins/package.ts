import { posix } from 'node:path';
import type { FileReader, PluginKind } from './contract.ts';
import type { PluginClaim } from './manifest.ts';
import { entryInside, type PackagePlace, unsafeForRoot } from './roots.ts';

/** A plugin of a package that fits: the real path of its entry, or why that entry is not to be imported. */
export type FoundPlugin = PluginClaim & { readonly package: string; readonly origin: string } & ({ readonly path: string } | { readonly because: string });

/** A package that was judged. Nothing of it was imported. */
export interface JudgedPackage {
  readonly package: string;
  readonly version: string;
  /** The real path of its directory. */
  readonly origin: string;
  readonly verdict: { readonly ok: true; readonly plugins: readonly FoundPlugin[] } | { readonly ok: false; readonly because: string };
}

interface Judging {
  readonly files: FileReader;
  /** Of the user certkit runs as. */
  readonly uid: number;
  readonly contractVersion: string;
}

/** Judges the package at a place by its package.json and by who can write there; `undefined` for one that has nothing to do with certkit. */
export async function judgePackage(place: PackagePlace, judging: Judging): Promise<JudgedPackage | undefined> {
  const { files, contractVersion } = judging;
  const manifest = await readManifest(place, files);
  const concernsUs = place.root.kind === 'own' || conventionOf(place.name) !== undefined || (isRecord(manifest) && manifest.certkit !== undefined);
  if (!concernsUs) return undefined;

  const origin = (await files.realPath(place.path)) ?? place.path;
  const judged = { package: place.name, origin, version: isRecord(manifest) && typeof manifest.version === 'string' ? manifest.version : 'unknown' };
  if (!isRecord(manifest)) return { ...judged, verdict: { ok: false, because: 'its package.json is missing or cannot be read' } };

  const { judgeManifest } = await import('./manifest.ts'); // semver comes with it
  const verdict = judgeManifest(manifest, contractVersion);
  return { ...judged, verdict: verdict.ok ? await locate(verdict.plugins, place, origin, judging) : verdict };
}

async function readManifest({ path }: PackagePlace, files: FileReader): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await files.read(posix.join(path, 'package.json')))) as unknown;
  } catch {
    return undefined; // judged as what it is: no manifest
  }
}

async function locate(claims: readonly PluginClaim[], place: PackagePlace, origin: string, { files, uid }: Judging): Promise<JudgedPackage['verdict']> {
  const unsafe = async (path: string): Promise<string | undefined> => {
    // certkit's own directory has decided already what runs: this very code came from it.
    if (uid !== 0 || place.root.kind === 'own') return undefined;
    const because = await unsafeForRoot((await files.realPath(path)) ?? path, files);
    return because === undefined ? undefined : `root must not run code that others can change: ${because}`;
  };

  // The directory that holds the package is checked as well: `origin` may be where a link in it leads.
  for (const path of [posix.dirname(place.path), origin, posix.join(origin, 'package.json')]) {
    const because = await unsafe(path);
    if (because !== undefined) return { ok: false, because };
  }
  const plugins = claims.map(async (claim): Promise<FoundPlugin> => {
    const entry = await entryInside(origin, claim.entry, files);
    const because = 'path' in entry ? await unsafe(entry.path) : undefined;
    return { ...claim, package: place.name, origin, ...(because === undefined ? entry : { because }) };
  });
  return { ok: true, plugins: await Promise.all(plugins) };
}

const CONVENTION = /^(?:@[^/]+\/)?certkit-(authenticator|installer|notifier|dns-provider)-(.+)$/;

/** The plugin that a package is named after; `undefined` for a name of another form. */
export function conventionOf(packageName: string): { readonly kind: PluginKind; readonly name: string } | undefined {
  const [, kind, name] = CONVENTION.exec(packageName) ?? [];
  return name === undefined ? undefined : { kind: kind as PluginKind, name };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
