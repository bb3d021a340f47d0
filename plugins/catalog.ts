import { fault } from '../core/errors.ts';
import { CONTRACT_VERSION, type FileReader, type PluginDefinition, type PluginKind } from './contract.ts';
import { conventionOf, type FoundPlugin, type JudgedPackage, judgePackage } from './package.ts';
import { type PackagePlace, type PluginRoot, packagesIn } from './roots.ts';

export type DefinitionOf<K extends PluginKind> = Extract<PluginDefinition, { kind: K }>;

/** What is installed: one entry for each plugin of a package that fits, one for a package that is refused whole. */
export type CatalogEntry =
  | { readonly state: 'ok'; readonly kind: PluginKind; readonly name: string; readonly package: string; readonly version: string; readonly origin: string }
  | {
      readonly state: 'refused';
      readonly because: string;
      /** As the package's name suggests; absent where it suggests nothing. */
      readonly kind?: PluginKind;
      readonly name?: string;
      readonly package: string;
      readonly version: string;
      readonly origin: string;
    };

export interface Catalog {
  /**
   * The plugin a person names: `foo` is the one in certkit, or in a package called `certkit-<kind>-foo`, with or without
   * a scope. A package's full name means its plugin of that kind, and `package/foo` one of several.
   * Imports that plugin's entry and nothing else.
   *
   * @throws PLUGIN_NOT_FOUND, PLUGIN_AMBIGUOUS, PLUGIN_REFUSED (its code did not run), PLUGIN_BROKEN (its code is at fault)
   */
  find<K extends PluginKind>(kind: K, name: string): Promise<DefinitionOf<K>>;
  /** Everything that is installed, refused packages with their reason. Imports nothing. */
  list(): Promise<readonly CatalogEntry[]>;
}

export interface CatalogNeeds {
  readonly roots: readonly PluginRoot[];
  readonly files: FileReader;
  /** Of the user certkit runs as; root's plugins must be beyond the reach of everybody else. */
  readonly uid: number;
  readonly contractVersion?: string;
  /** Imports a module by its path. */
  readonly load?: (path: string) => Promise<unknown>;
}

const OWN = 'certkit';

/** Finds plugins by name in the given roots and nowhere else; judges a package before anything of it is imported. */
export function createCatalog({ roots, files, uid, contractVersion = CONTRACT_VERSION, load = importPath }: CatalogNeeds): Catalog {
  const found = new Map<string, Promise<PluginDefinition>>();
  let places: Promise<readonly PackagePlace[]> | undefined;

  return {
    find<K extends PluginKind>(kind: K, name: string) {
      const key = `${kind} ${name}`;
      const finding = found.get(key) ?? find(kind, name);
      found.set(key, finding);
      return finding as Promise<DefinitionOf<K>>;
    },

    list: async () => (await judgeAll(() => true)).flatMap(entriesOf),
  };

  async function find(kind: PluginKind, name: string): Promise<PluginDefinition> {
    const named = readName(name);
    const isNamed = (place: PackagePlace) =>
      place.root.kind === 'own' || place.name === named.package || (named.inFull ? false : isConventional(place.name, name));
    const judged = await judgeAll(isNamed);

    const meant = judged.flatMap((each) => {
      if (!each.verdict.ok) return [];
      const ofKind = each.verdict.plugins.filter((plugin) => plugin.kind === kind);
      if (each.package === named.package) return named.plugin === undefined ? ofKind : ofKind.filter((plugin) => plugin.name === named.plugin);
      return named.inFull ? [] : ofKind.filter((plugin) => plugin.name === name);
    });
    const answers = meant.filter((plugin) => 'path' in plugin);
    const [answer, second] = answers;
    if (answer !== undefined && second === undefined) return loadPlugin(answer);
    if (answer !== undefined)
      throw fault('PLUGIN_AMBIGUOUS', { kind, name, packages: answers.map((plugin) => `${plugin.package}/${plugin.name} (${plugin.origin})`) });

    const refusal = firstRefusal(meant, judged);
    if (refusal !== undefined) throw fault('PLUGIN_REFUSED', { package: `${refusal.package} (${refusal.origin})`, because: refusal.because });
    throw fault('PLUGIN_NOT_FOUND', { kind, name, tried: triedFor(kind, name), known: await known(kind) });
  }

  async function known(kind: PluginKind): Promise<readonly string[]> {
    const entries = (await judgeAll(() => true)).flatMap(entriesOf);
    return [...new Set(entries.flatMap((entry) => (entry.state === 'ok' && entry.kind === kind ? [entry.name] : [])))].sort();
  }

  async function judgeAll(isWanted: (place: PackagePlace) => boolean): Promise<readonly JudgedPackage[]> {
    const wanted = (await allPlaces()).filter(isWanted);
    const judged = await Promise.all(wanted.map((place) => judgePackage(place, { files, uid, contractVersion })));
    return unique(judged.filter((each) => each !== undefined));
  }

  function allPlaces(): Promise<readonly PackagePlace[]> {
    places ??= (async () => {
      const own = roots.filter(({ kind }) => kind === 'own').map((root) => ({ root, name: OWN, path: root.path }));
      const others = await Promise.all(roots.filter(({ kind }) => kind !== 'own').map((root) => packagesIn(root, files)));
      // npm puts a copy of certkit beside plugins that name it as their peer: that is no second answer.
      return [...own, ...others.flat().filter(({ name }) => name !== OWN)];
    })();
    return places;
  }

  async function loadPlugin(plugin: FoundPlugin & { readonly path: string }): Promise<PluginDefinition> {
    const broken = (because: string, cause?: unknown) =>
      fault('PLUGIN_BROKEN', { name: plugin.name, package: `${plugin.package} (${plugin.origin})`, because }, cause);
    let module: unknown;
    try {
      module = await load(plugin.path);
    } catch (error) {
      throw broken(`its code failed as it was loaded: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    const { judgeDefinition } = await import('./definition.ts');
    const definition = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
    const because = judgeDefinition(definition, plugin);
    if (because !== undefined) throw broken(because);
    return definition as PluginDefinition;
  }
}

/** A package named for one kind may hold the plugin of the same name of another kind, too. */
function isConventional(packageName: string, plugin: string): boolean {
  return conventionOf(packageName)?.name === plugin;
}

/** `package/foo` names a plugin within a package; everything else may be a package or a plugin. */
function readName(name: string): { readonly package?: string; readonly plugin?: string; readonly inFull: boolean } {
  const parts = name.split('/');
  const length = name.startsWith('@') ? 2 : 1;
  const called = parts.slice(0, length).join('/');
  if (parts.length > length + 1) return { inFull: false };
  const plugin = parts[length];
  return plugin === undefined ? { package: called, inFull: length === 2 } : { package: called, plugin, inFull: true };
}

function triedFor(kind: PluginKind, name: string): readonly string[] {
  return name.includes('/')
    ? [`the package ${name}`]
    : ['certkit itself', `the packages certkit-${kind}-${name} and @.../certkit-${kind}-${name}`, `the package ${name}`];
}

/** One package reached by two ways is one answer. */
function unique(judged: readonly JudgedPackage[]): readonly JudgedPackage[] {
  return judged.filter((each, at) => judged.findIndex(({ origin }) => origin === each.origin) === at);
}

/** A plugin that was meant and is unfit, or else a package that was meant and is refused whole. */
function firstRefusal(
  meant: readonly FoundPlugin[],
  judged: readonly JudgedPackage[],
): { readonly package: string; readonly origin: string; readonly because: string } | undefined {
  for (const plugin of meant) if ('because' in plugin) return plugin;
  const refused = judged.flatMap(({ verdict, ...at }) => (verdict.ok ? [] : [{ ...at, because: verdict.because }]));
  return refused.find((each) => each.package !== OWN) ?? refused[0];
}

function entriesOf({ package: called, version, origin, verdict }: JudgedPackage): readonly CatalogEntry[] {
  const common = { package: called, version, origin };
  if (verdict.ok) {
    return verdict.plugins.map((plugin) => {
      const { kind, name } = plugin;
      return 'path' in plugin ? { state: 'ok', kind, name, ...common } : { state: 'refused', because: plugin.because, kind, name, ...common };
    });
  }
  return [{ state: 'refused', because: verdict.because, ...conventionOf(called), ...common }];
}

const importPath = async (path: string): Promise<unknown> => (await import('./import-module.ts')).importModule(path);
