import type { Command } from 'commander';
import { Option } from 'commander';
import type { Certkit } from '../composition.ts';
import { type CertkitError, fault, faultFacts } from '../errors.ts';
import { parseDuration } from '../model/duration.ts';
import type { AuthenticatorChoice, Lineage, OrderTerms, PluginChoice } from '../model/lineage.ts';
import { heldAuthenticator, readAuthenticators } from './authenticator-flags.ts';
import { type CommandContext, exitCodeFor, hookFacts } from './command.ts';
import { deploymentFacts, plannedText, printChanges } from './deployment-text.ts';
import { sayIfNobodyIsTold } from './nobody-told.ts';
import { offerAuthenticator } from './offer-authenticator.ts';
import type { Terminal } from './output.ts';
import { addPluginFlags, type PluginFlags, refuseTwice } from './plugin-flags.ts';
import { askForSome } from './questions.ts';
import { scheduleInstallCommand } from './schedule-command.ts';
import { isScheduled } from './schedule-text.ts';
import { lineageMeant, readIdentifiers, readKeys, readLineageName, wantedLineage } from './wanted-lineage.ts';
import { reasonText, when } from './words.ts';

interface RunFlags {
  readonly domain?: readonly string[];
  readonly name?: string;
  readonly authenticator?: readonly string[];
  readonly installer?: readonly string[];
  readonly server?: string;
  readonly caBundle?: string;
  readonly email?: string;
  readonly keyType?: readonly string[];
  readonly reuseKey?: boolean;
  readonly serve?: readonly string[];
  readonly profile?: string;
  readonly notAfter?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly agreeTos?: boolean;
}

const several = (value: string, before: readonly string[] = []) => [...before, value];

/** Declares `run`, the command that needs no name. */
export function declareRun(program: Command): Command {
  return program
    .command('run', { isDefault: true })
    .description('obtain a certificate (or reuse the one there is) and deploy it now')
    .option('-d, --domain <name>', 'a name for the certificate; may be given several times', several)
    .option('--name <lineage>', 'the name of the lineage; by default its first domain')
    .option('-a, --authenticator <plugin>', 'the plugin that proves control of the names; NAME=PLUGIN for one of them, several times', several)
    .option('-i, --installer <plugin>', 'a plugin that puts the certificate to use; may be given several times', several)
    .option('--server <url>', "the CA's ACME directory; by default Let's Encrypt")
    .option('--ca-bundle <file>', "roots to trust besides the system's, for a private CA")
    .option('--email <address>', 'contact for a new account at the CA')
    .option('--key-type <type>', 'ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096; one of each kind for both', several)
    .option('--reuse-key', 'renew with the same key; without it each version has a new one')
    .option('--no-reuse-key', 'a new key each time, though the file or certkit.yaml says otherwise')
    .option('--serve <name>', 'a name that servers here are to serve, when not all of them are here', several)
    .option('--profile <name>', 'which of its kinds of certificate the CA is to issue')
    .option('--not-after <length>', 'how long the certificate is to be valid, such as "30 days"')
    .option('--agree-tos', "agree to the CA's terms of service")
    .option('--force', 'renew although nothing is due')
    .option('--dry-run', 'show and test what would be changed, and change nothing');
}

/** Adds the flags of the plugins that the command line names. */
export function addRunFlags(command: Command, argv: readonly string[], catalog: Certkit['catalog']): Promise<PluginFlags> {
  return addPluginFlags(command, argv, catalog, (flags, text) => new Option(flags, text));
}

export async function runCommand(flags: RunFlags, plugins: PluginFlags, { certkit, output, terminal }: CommandContext): Promise<number> {
  refuseTwice(flags.installer ?? []);
  const { store } = certkit;
  await store.prepare();
  const name = flags.name === undefined ? undefined : readLineageName(flags.name);
  const given = { ...flags } as Readonly<Record<string, unknown>>;
  const named = flags.installer?.map((plugin) => plugins.choice(definitionOf('installer', plugin), given));
  const domains = flags.domain ?? (name === undefined ? await offerNames(named, certkit, terminal) : []);
  const identifiers = readIdentifiers(domains);

  const known = (await store.overview()).flatMap((view) => (view.readable ? [view.lineage] : []));
  const held = lineageMeant({ identifiers, ...(name === undefined ? {} : { name }) }, known);
  const installers = flags.installer?.map((plugin) => plugins.choice(definitionOf('installer', plugin), given, heldInstaller(plugin, held)));
  const authenticators =
    (await authenticatorsOf(held)) ??
    (held === undefined && identifiers.length > 0 ? [await offerAuthenticator(identifiers, installers ?? [], certkit, terminal)] : undefined);
  const wanted = wantedLineage(
    {
      identifiers,
      ...(name === undefined ? {} : { name }),
      ...(flags.server === undefined ? {} : { server: flags.server }),
      ...(flags.caBundle === undefined ? {} : { caBundle: flags.caBundle }),
      ...(flags.email === undefined ? {} : { email: flags.email }),
      ...(flags.keyType === undefined ? {} : { keys: readKeys(flags.keyType) }),
      ...(flags.reuseKey === undefined ? {} : { reuseKey: flags.reuseKey }),
      ...(flags.serve === undefined ? {} : { serve: flags.serve }),
      terms: readTerms(flags),
      ...(installers === undefined ? {} : { installers }),
      ...(authenticators === undefined ? {} : { authenticators }),
    },
    held,
    await store.settings(),
  );
  // Options are judged before anything is asked of anybody.
  await Promise.all(wanted.authenticators.map(({ plugin, options }) => certkit.plugins.authenticator({ plugin, options })));
  await Promise.all(wanted.installers.map((choice) => certkit.plugins.installer(choice)));

  const outcome = await certkit.run(wanted, { force: flags.force === true, dryRun: flags.dryRun === true });
  if (outcome.result === 'failed') {
    output.result('run', { lineage: wanted.name, error: faultFacts(outcome.error) });
    return exitCodeFor([outcome.error], 1);
  }
  if (outcome.result === 'sketched') {
    output.say(`${wanted.name}: would order a certificate for ${wanted.identifiers.map(({ value }) => value).join(', ')} from ${wanted.authority.directory}`);
    await printChanges(outcome.changes, certkit, output);
    if (wanted.installers.length > 0) output.say(`${wanted.name}: not tested: there is no certificate yet that the server could read`);
    output.result('run', { lineage: wanted.name, planned: outcome.changes.map(({ path }) => path), tested: false });
    return 0;
  }
  const { deployment, renewal, hookFailures } = outcome;
  if (deployment.result === 'planned') {
    await printChanges(deployment.changes, certkit, output);
    output.say(plannedText(deployment));
  }
  if (deployment.result === 'not-due' && !deployment.decision.due && deployment.decision.reviewAtMs !== undefined) {
    const { reason, reviewAtMs } = deployment.decision;
    output.say(`${wanted.name}: not deployed yet (${reasonText(reason)}); the first run after ${when(reviewAtMs)} does`);
  }
  output.result('run', { lineage: wanted.name, renewed: renewal.result === 'renewed', deployment: deploymentFacts(deployment), ...hookFacts(hookFailures) });
  const setbacks = setbackErrors(deployment);
  if (setbacks.length === 0 && deployment.result !== 'planned')
    await offerSchedule(renewal.result === 'renewed', known.length === 0, { certkit, output, terminal });
  return exitCodeFor([...setbacks, ...hookFailures], 1);

  function definitionOf(kind: 'installer' | 'authenticator', plugin: string) {
    const found = plugins.definition(kind, plugin);
    if (found === undefined) throw fault('BUG_UNEXPECTED', { because: `${plugin} was named and not found` });
    return found;
  }

  /** A server that is named for the installer is meant by the authenticator of the same name, too. */
  async function authenticatorsOf(lineage: Lineage | undefined): Promise<readonly AuthenticatorChoice[] | undefined> {
    const before = lineage?.authenticators ?? [];
    if (flags.authenticator !== undefined) {
      return readAuthenticators(flags.authenticator, identifiers.length > 0 ? identifiers : (lineage?.identifiers ?? [])).map((one) => ({
        ...plugins.choice(definitionOf('authenticator', one.plugin), given, heldAuthenticator(one, before)),
        ...(one.names === undefined ? {} : { names: one.names }),
      }));
    }
    if (!before.some(({ plugin }) => flags.installer?.includes(plugin))) return undefined;
    return Promise.all(
      before.map(async ({ names, ...choice }) => ({
        ...(flags.installer?.includes(choice.plugin) ? plugins.choice(await certkit.catalog.find('authenticator', choice.plugin), given, choice) : choice),
        ...(names === undefined ? {} : { names }),
      })),
    );
  }
}

/** What a lineage has for an installer that is named again: its options stay unless they are given anew or taken back. */
function heldInstaller(plugin: string, held: Lineage | undefined): PluginChoice | undefined {
  const own = held?.installers.filter((choice) => choice.plugin === plugin) ?? [];
  if (own.length > 1)
    throw fault('USAGE_INVALID', { problem: `${held?.name} has ${own.length} installers named ${plugin}; change them in lineages/${held?.name}.yaml` });
  return own[0];
}

function readTerms({ profile, notAfter }: RunFlags): OrderTerms {
  if (profile === '') throw fault('USAGE_INVALID', { problem: '--profile is empty; give the name of one of the profiles of the CA' });
  const length = notAfter === undefined ? undefined : parseDuration(notAfter);
  if (length?.ok === false) throw fault('USAGE_INVALID', { problem: `--not-after ${notAfter}: ${length.because}` });
  return { ...(profile === undefined ? {} : { profile }), ...(length === undefined ? {} : { lifeMs: length.value }) };
}

/** Nothing renews by itself until somebody sees to it: asked once, with a new certificate; told each time. That nobody hears of it is said with the first lineage. */
async function offerSchedule(isNew: boolean, isFirst: boolean, { certkit, output, terminal }: CommandContext): Promise<void> {
  if (!isScheduled(await (await certkit.schedule()).status())) {
    if (!isNew || !terminal.interactive || output.mode !== 'human') output.say('Nothing renews it by itself yet: "certkit schedule install" sees to that.');
    else {
      const answer = await terminal.ask('Nothing renews it by itself yet. Install a schedule that looks every hour? [y/N] ');
      if (answer?.trim().toLowerCase() === 'y') return void (await scheduleInstallCommand(undefined, { certkit, output, terminal }));
    }
  }
  if (isFirst) await sayIfNobodyIsTold({ certkit, output });
}

function setbackErrors(deployment: { readonly result: string; readonly setbacks?: readonly { readonly error: CertkitError }[] }): readonly CertkitError[] {
  return (deployment.setbacks ?? []).map(({ error }) => error);
}

/** Without -d, at a terminal: the names that the servers have. */
async function offerNames(installers: readonly PluginChoice[] | undefined, certkit: CommandContext['certkit'], terminal: Terminal): Promise<readonly string[]> {
  if (!terminal.interactive || installers === undefined) throw fault('USAGE_NEEDS', { what: 'A name to get a certificate for', option: '-d NAME' });
  const surveys = await Promise.all(installers.map(async (choice) => (await certkit.plugins.installer(choice)).survey(new AbortController().signal)));
  const names = surveys.flatMap(({ sites }) => sites.flatMap((site) => site.names));
  const usable = [...new Set(names)].filter((name) => /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)).sort();
  const title = surveys.map(({ server }) => server.title).join(', ');
  if (usable.length === 0) throw fault('USAGE_NEEDS', { what: `${title} has no site with a name; a name`, option: '-d NAME' });
  return askForSome(terminal, `Names found at ${title}:`, usable);
}
