import { asCertkitError, type CertkitError, fault, faultInWords, isCertkitError } from '../core/errors.ts';
import { type DnsAccount, parseDnsAccountName } from '../core/model/dns-account.ts';
import { parseSecretReference } from '../core/model/secret-reference.ts';
import type { Secrets } from '../core/ports.ts';
import type { Catalog } from './catalog.ts';
import type { DnsProvider, DnsProviderDefinition, DnsProviders, PluginContext } from './contract.ts';
import { createDnsProvider } from './guard.ts';
import { type JudgedChoice, judgedChoice } from './judged-choice.ts';
import { judgedWithReferences } from './secret-options.ts';

/** What certkit.yaml says of accounts, and where. */
export interface AccountsFile {
  readonly settingsPath: string;
  dnsAccounts(): Promise<readonly DnsAccount[]>;
  dnsAccountPlace(name: string, option?: string): Promise<string>;
}

export interface NamedDnsProviders extends DnsProviders {
  /** Whether an account can be used as it is written: by the declarations of its plugin, and by what the plugin says when it is made, where the secrets can be read. */
  judge(choice: DnsAccount['choice']): Promise<JudgedChoice>;
  /** All accounts of certkit.yaml, and whether they could be used now. Asks no provider. */
  known(): Promise<readonly KnownDnsAccount[]>;
}

export type KnownDnsAccount = { readonly name: string; readonly plugin: string } & (
  | { readonly state: 'usable' }
  /** Its secret is in the environment of some other run, or is said to be. */
  | { readonly state: 'not-here'; readonly error: CertkitError }
  | { readonly state: 'faulty'; readonly error: CertkitError }
);

interface Needs {
  readonly catalog: Pick<Catalog, 'find' | 'list'>;
  readonly accounts: AccountsFile;
  readonly secrets: Secrets;
  readonly context: PluginContext;
}

/** DNS providers by the names that people give; one instance for each name. */
export function createDnsProviders({ catalog, accounts, secrets, context }: Needs): NamedDnsProviders {
  const made = new Map<string, Promise<DnsProvider>>();

  async function ofAccount({ name, choice }: DnsAccount): Promise<DnsProvider> {
    const atItsPlace = async (thrown: unknown, option?: string, wayOut?: string): Promise<never> => {
      const { code, message, hint } = asCertkitError(thrown);
      throw faultInWords(code, `${await accounts.dnsAccountPlace(name, option)}: ${message}`, wayOut ?? hint, thrown);
    };
    const definition = await catalog.find('dns-provider', choice.plugin).catch(atItsPlace);
    const { fault: found, references } = judgedWithReferences(definition, choice.options);
    if (found !== undefined) {
      const wayOut = `Mend it with "certkit edit --system". It knows ${Object.keys(definition.options).join(', ')}; docs/dns-providers.md tells about each.`;
      return atItsPlace(found.error, found.option, wayOut);
    }
    const read = references.map(async ([option, reference]) => [option, await secrets.read(reference).catch((thrown) => atItsPlace(thrown, option))] as const);
    const values = Object.fromEntries(await Promise.all(read));
    try {
      return createDnsProvider(definition, { ...choice.options, ...values }, context);
    } catch (thrown) {
      return atItsPlace(thrown);
    }
  }

  /** A plugin alone, perhaps with the value of one option. What stands after the colon is in no error: it may have been meant as a secret. */
  async function ofPlugin(name: string): Promise<DnsProvider> {
    const [, plugin = name, value] = /^([^:]*):(.*)$/s.exec(name) ?? [];
    const definition = await catalog.find('dns-provider', plugin).catch(async (thrown: unknown) => {
      throw isCertkitError(thrown) && thrown.code === 'PLUGIN_NOT_FOUND' ? await unknown(plugin) : thrown;
    });
    const { argument } = definition;
    if (value !== undefined && argument === undefined) {
      throw faultInWords('PLUGIN_OPTION_INVALID', `The DNS provider ${plugin} takes nothing after its name`, howToSetUp(accounts.settingsPath, definition));
    }
    const options = value === undefined || argument === undefined ? {} : { [argument]: value };
    const { fault: found } = judgedChoice(definition, options);
    if (found === undefined) return createDnsProvider(definition, options, context);
    throw faultInWords('PLUGIN_OPTION_INVALID', found.error.message, howToSetUp(accounts.settingsPath, definition));
  }

  async function unknown(name: string): Promise<CertkitError> {
    const installed = (await catalog.list()).flatMap((entry) => (entry.state === 'ok' && entry.kind === 'dns-provider' ? [entry.name] : []));
    const plugins = [...new Set(installed)].sort();
    const known = (await accounts.dnsAccounts()).map((account) => account.name);
    const lines = yamlOf(parseDnsAccountName(name).ok ? name : 'home', plugins[0] ?? 'NAME', []);
    return fault('PLUGIN_NO_DNS_PROVIDER', { name, path: accounts.settingsPath, accounts: known, plugins, lines });
  }

  const find = async (name: string): Promise<DnsProvider> => {
    const account = (await accounts.dnsAccounts()).find((each) => each.name === name);
    return account === undefined ? ofPlugin(name) : ofAccount(account);
  };

  return {
    find(name) {
      const finding = made.get(name) ?? find(name);
      made.set(name, finding);
      return finding;
    },

    async judge({ plugin, options }) {
      const definition = await catalog.find('dns-provider', plugin);
      const { references, ...judged } = judgedWithReferences(definition, options);
      if (judged.fault !== undefined) return judged;
      const values = await Promise.all(references.map(async ([option, reference]) => [option, await secrets.read(reference)] as const)).catch(() => undefined);
      // A secret that cannot be read here may be readable where a scheduler runs.
      if (values !== undefined) createDnsProvider(definition, { ...options, ...Object.fromEntries(values) }, context);
      return judged;
    },

    known: async () =>
      Promise.all(
        (await accounts.dnsAccounts()).map(async (account): Promise<KnownDnsAccount> => {
          const { name, choice } = account;
          try {
            await ofAccount(account);
            return { name, plugin: choice.plugin, state: 'usable' };
          } catch (thrown) {
            const error = asCertkitError(thrown);
            return { name, plugin: choice.plugin, state: isOfAnotherRun(error, choice.options) ? 'not-here' : 'faulty', error };
          }
        }),
      ),
  };
}

/** Variables and systemd credentials are of one run, and a file is there for all. */
function isOfAnotherRun({ code }: CertkitError, options: DnsAccount['choice']['options']): boolean {
  const references = Object.values(options).map(parseSecretReference);
  return code === 'PLUGIN_SECRET_UNREADABLE' && references.some((each) => each.ok && each.value.kind !== 'file');
}

/** The way out where a plugin wants more than its name. */
function howToSetUp(path: string, { name, options }: DnsProviderDefinition): string {
  const wanted = Object.entries(options).filter(([, { required, default: usual }]) => required === true && usual === undefined);
  const members = wanted.map(([option, { secret, type }]) => `${option}: ${secret === true ? '{file: /etc/certkit/secrets/home}' : `<${type}>`}`);
  return `Set it up in ${path} and give its name there, home:\n${yamlOf('home', name, members)}`;
}

function yamlOf(account: string, plugin: string, options: readonly string[]): string {
  const indent = '    ';
  return ['dns_providers:', `  ${account}:`, ...[`plugin: ${plugin}`, ...options].map((member) => `    ${member}`)]
    .map((line) => `${indent}${line}`)
    .join('\n');
}
