import satisfies from 'semver/functions/satisfies.js';
import validRange from 'semver/ranges/valid.js';
import { isPluginName } from '../core/model/plugin-name.ts';
import type { PluginKind } from './contract.ts';

/** One plugin that a package.json claims to hold. */
export interface PluginClaim {
  readonly kind: PluginKind;
  readonly name: string;
  /** Relative to the package, `./...`. */
  readonly entry: string;
}

export type Verdict = { readonly ok: true; readonly plugins: readonly PluginClaim[] } | { readonly ok: false; readonly because: string };

export const PLUGIN_KINDS: readonly PluginKind[] = ['authenticator', 'installer', 'notifier', 'dns-provider'];

/** Judges a package.json without importing the package: the code of a refused plugin never runs. */
export function judgeManifest(manifest: { readonly certkit?: unknown }, contractVersion: string): Verdict {
  const claim = manifest.certkit;
  if (!isRecord(claim) || typeof claim.contract !== 'string' || !Array.isArray(claim.plugins)) return refuse('its package.json has no usable "certkit" field');

  if (validRange(claim.contract) === null) return refuse('the contract range in its package.json is not one that semver knows');
  if (!satisfies(contractVersion, claim.contract)) return refuse(`it was written for contract ${claim.contract}; this certkit speaks ${contractVersion}`);

  if (claim.plugins.length === 0) return refuse('its package.json claims no plugin');
  for (const plugin of claim.plugins) {
    const because = faultOfClaim(plugin);
    if (because !== undefined) return refuse(because);
  }
  const plugins = (claim.plugins as readonly PluginClaim[]).map(({ kind, name, entry }) => ({ kind, name, entry }));
  const ids = plugins.map(({ kind, name }) => `${kind} "${name}"`);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  return twice === undefined ? { ok: true, plugins } : refuse(`its package.json claims the ${twice} twice`);
}

function faultOfClaim(plugin: unknown): string | undefined {
  if (!isRecord(plugin)) return 'its package.json claims a plugin that is not an object';
  if (!PLUGIN_KINDS.some((kind) => kind === plugin.kind)) return `its package.json claims a plugin that is neither ${PLUGIN_KINDS.join(' nor ')}`;
  if (!isPluginName(plugin.name)) return 'its package.json claims a plugin whose name is not made of lower-case words joined by hyphens';
  if (typeof plugin.entry !== 'string' || !plugin.entry.startsWith('./')) return `the entry of its plugin "${plugin.name}" does not begin with "./"`;
  if (plugin.entry.split(/[/\\]/).includes('..') || plugin.entry.includes('\0')) return `the entry of its plugin "${plugin.name}" leads out of the package`;
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (because: string): Verdict => ({ ok: false, because });
