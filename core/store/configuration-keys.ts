import type { LineageFields, SettingsFields } from './lineage-file.ts';

/** A key of a lineage's file or of certkit.yaml, for people. */
export interface ConfigurationKey {
  readonly key: string;
  readonly wanted: string;
}

type Key = keyof LineageFields | keyof SettingsFields;

/** Every key there is, in the order people read; the decoders say in which of the two files it may stand. */
const WANTED: { readonly [K in Key]: { readonly wanted: string; readonly isList?: true } } = {
  identifiers: { wanted: 'the names of the certificate, with commas between them; --add-domain and --remove-domain change single ones', isList: true },
  ca: { wanted: 'the URL of the ACME directory of a CA' },
  ca_bundle: { wanted: "the absolute path of a PEM file with roots to trust besides the system's" },
  email: { wanted: 'the contact of a new account at the CA' },
  keys: { wanted: 'ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096; one ecdsa and one rsa with a comma between them for both', isList: true },
  reuse_key: { wanted: 'true: renew with the same key; false: with a new one each time' },
  authenticator: { wanted: 'the plugin that proves control of the names' },
  authenticators: { wanted: 'in its place, several, each with the names it is for: authenticators.0.plugin, authenticators.0.names', isList: true },
  installers: { wanted: 'the plugins that put the certificate to use, with commas between them', isList: true },
  serve: { wanted: 'the names that servers here are to serve, where not all of them are here', isList: true },
  renew_before: { wanted: 'how long before expiry to renew: "30 days", "720h", "33%"' },
  deploy_before: { wanted: 'how long before expiry to deploy: "20 days", "480h", "22%", or immediately' },
  profile: { wanted: 'which of its kinds of certificate the CA is to issue; its directory lists them' },
  not_before: { wanted: 'from when on a certificate is to be valid: now, or how long after its order, as "2 hours"' },
  not_after: { wanted: 'how long a certificate is to be valid: "30 days"' },
  permissions: { wanted: 'permissions.mode, permissions.owner and permissions.group of the PEM files' },
  hooks: { wanted: 'programs to call, by event, as lists: hooks.deployed.0.run, hooks.deployed.0.once, hooks.deployed.0.timeout' },
  heartbeat: { wanted: 'who is called after each good run: heartbeat.url, heartbeat.fail_url (secrets: by "certkit edit"), heartbeat.command' },
  probe_timeout: { wanted: 'how long to wait until a server serves a new certificate: "30 seconds"' },
  max_issues: { wanted: 'how many lineages a run of the scheduler orders for at most' },
  orders_per_hour: { wanted: 'how many orders a CA gets within an hour at most' },
  dns_providers: {
    wanted:
      'accounts at DNS providers, by a name of yours: dns_providers.home.plugin, the options of the plugin, and dns_providers.home.OPTION.file for a secret',
  },
  resolvers: { wanted: "the DNS servers to ask in place of the machine's, by address, with commas between them", isList: true },
  notify: { wanted: 'who is told, as a list: notify.0.plugin, notify.0.on, notify.0.lineages and the options of the plugin', isList: true },
};

/** The keys of a file's decoder, with what people may write there. */
export function describedKeys(keys: readonly string[]): readonly ConfigurationKey[] {
  return Object.entries(WANTED).flatMap(([key, { wanted }]) => (keys.includes(key) ? [{ key, wanted }] : []));
}

/** Whether a key holds a list, which is written with commas on a command line. */
export function isListKey(key: string): boolean {
  return Object.hasOwn(WANTED, key) && WANTED[key as Key].isList === true;
}
