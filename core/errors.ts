/** What every entry of the catalogue says: what happened, to what; and the way out. */
interface Entry {
  readonly message: string;
  readonly hint: string;
}

const indented = (text: string) => text.trim().replace(/^/gm, '  ');
const list = (items: readonly string[]) => (items.length === 0 ? 'none' : items.join(', '));

/** The way to mend a file of ours, by whom it is about. */
function mending(path: string): string {
  const lineage = /\/lineages\/([^/]+)\.yaml$/.exec(path)?.[1];
  if (lineage !== undefined) return `Mend the file ("certkit edit ${lineage}" opens it); other lineages are not affected.`;
  if (path.endsWith('/certkit.yaml')) return 'Mend the file ("certkit edit --system" opens it); every lineage goes by it.';
  return 'Mend the file; other lineages are not affected.';
}

const catalogue = {
  USAGE_INVALID: (at: { problem: string }) => ({ message: at.problem, hint: 'See "certkit --help".' }),
  USAGE_BAD_NAME: (at: { name: string; because: string }) => ({
    message: `"${at.name}" is no name for a certificate: ${at.because}`,
    hint: 'Give DNS names such as example.com or *.example.com with -d.',
  }),
  USAGE_BAD_LINEAGE_NAME: (at: { name: string; because: string }) => ({
    message: `"${at.name}" cannot name a lineage`,
    hint: `A lineage name is a file name: ${at.because}.`,
  }),
  USAGE_NEEDS: (at: { what: string; option: string }) => ({
    message: `${at.what} is missing`,
    hint: `Give ${at.option}.`,
  }),
  USAGE_OTHER_NAMES: (at: { name: string; held: readonly string[]; wanted: readonly string[] }) => ({
    message: `Lineage ${at.name} is for ${list(at.held)}; you asked for ${list(at.wanted)}`,
    hint: `Make another lineage with --name NAME, or change this one's names with "certkit set ${at.name} --add-domain NAME" or --remove-domain; the next run orders for them.`,
  }),
  USAGE_NO_LINEAGE: (at: { name: string; known: readonly string[] }) => ({
    message: `There is no lineage named "${at.name}"`,
    hint: `Known lineages: ${list(at.known)}.`,
  }),
  USAGE_NO_ROLLBACK: (at: { name: string; because: string }) => ({
    message: `${at.name} cannot be rolled back: ${at.because}`,
    hint: `"certkit status ${at.name}" lists its versions; "certkit renew ${at.name} --force" gets a new one.`,
  }),
  USAGE_REJECTED_VERSION: (at: { name: string; version: number }) => ({
    message: `Version ${at.version} of ${at.name} was rolled back from and is not deployed again`,
    hint: `Release it with "certkit release ${at.name}", or get another with "certkit renew ${at.name} --force".`,
  }),
  USAGE_REVOKED_VERSION: (at: { name: string; version: number }) => ({
    message: `The CA revoked version ${at.version} of ${at.name}; it is not deployed`,
    hint: `"certkit renew ${at.name}" gets another one and deploys it; "certkit explain ${at.name}" shows who says so.`,
  }),
  USAGE_HELD: (at: { name: string; what: string }) => ({
    message: `The ${at.what} of ${at.name} is held`,
    hint: `Somebody ran "certkit hold ${at.name}"; "certkit release ${at.name}" lets it go.`,
  }),
  USAGE_BAD_CHANGE: (at: { subject: string; path: string; because: string }) => ({
    message: `${at.path} was not changed: ${at.because}`,
    hint: `"certkit set ${at.subject}" lists what can be set; "certkit edit ${at.subject}" opens the file.`,
  }),
  USAGE_EDIT_KEPT: (at: { subject: string; path: string; draft: string; because: string }) => ({
    message: `${at.path} was not changed: ${at.because}`,
    hint: `Your text is kept in ${at.draft}. Take from it what you need when you run "certkit edit ${at.subject}" again, then remove it.`,
  }),
  USAGE_NO_TERMINAL: (at: { subject: string }) => ({
    message: '"certkit edit" opens an editor, and there is no terminal for it',
    hint: `Without one, "certkit set ${at.subject} KEY=VALUE" changes single keys.`,
  }),
  USAGE_NEEDS_PERSON: (at: { name: string; plugin: string }) => ({
    message: `${at.name} is not renewed with nobody there: its authenticator ${at.plugin} asks a person`,
    hint: 'Run the same command at a terminal.',
  }),
  USAGE_NO_AUTHENTICATOR: (at: { names: readonly string[]; verdicts: readonly string[] }) => ({
    message: `Nobody said how control of ${list(at.names)} is to be proven${at.verdicts.map((verdict) => `\n  - ${verdict}`).join('')}`,
    hint: 'Give one of them with --authenticator, or several as --authenticator NAME=PLUGIN. At a terminal certkit proposes one.',
  }),
  USAGE_ORDERS_PER_HOUR: (at: { name: string; ca: string; until: string }) => ({
    message: `Nothing was ordered for ${at.name}: "orders_per_hour" leaves no room at ${at.ca} until ${at.until}`,
    hint: 'Run the same command after that moment, or with --force at a terminal, which does not wait; or raise orders_per_hour in certkit.yaml.',
  }),
  USAGE_NO_CHANNEL: (at: { asked?: string; known: readonly string[]; path: string }) =>
    at.asked === undefined
      ? {
          message: 'No channel is configured: nobody is told what runs bring',
          hint: `Add one to ${at.path}, such as\n    notify:\n      - plugin: mail\n        to: admin@example.com\n  There are mail, webhook and command (docs/notifications.md).`,
        }
      : { message: `There is no channel "${at.asked}"`, hint: `${at.path} has ${list(at.known)}. Name one by its number or its plugin.` },
  USAGE_INTERRUPTED: (at: { signal: string }) => ({
    message: `Stopped by ${at.signal}; proofs and changes have been taken back`,
    hint: 'Run the same command again when you like; it goes on with an order that is still open.',
  }),

  PLUGIN_NOT_FOUND: (at: { kind: string; name: string; tried: readonly string[]; known: readonly string[] }) => ({
    message: `No ${at.kind} named "${at.name}" is installed`,
    hint: `Known: ${list(at.known)}. Looked for ${list(at.tried)}. "certkit plugins" lists what is there.`,
  }),
  PLUGIN_AMBIGUOUS: (at: { kind: string; name: string; packages: readonly string[] }) => ({
    message: `The ${at.kind} "${at.name}" is in more than one package: ${list(at.packages)}`,
    hint: 'Remove one of them, or name a package in full.',
  }),
  PLUGIN_REFUSED: (at: { package: string; because: string }) => ({
    message: `The plugin package ${at.package} is not used: ${at.because}`,
    hint: 'Its code was not loaded. Install a version that fits; "certkit plugins" shows the state of each.',
  }),
  PLUGIN_BROKEN: (at: { name: string; package: string; because: string }) => ({
    message: `The plugin ${at.name} of package ${at.package} could not be loaded: ${at.because}`,
    hint: 'This is a fault of the package; lineages that do not use it go on.',
  }),
  PLUGIN_OPTION_INVALID: (at: { plugin: string; option: string; because: string }) => ({
    message: `Option "${at.option}" of ${at.plugin}: ${at.because}`,
    hint: `In a file it stands beside "plugin: ${at.plugin}"; on the command line an authenticator or installer takes it as --${at.plugin}-${at.option}.`,
  }),
  PLUGIN_NO_DNS_PROVIDER: (at: { name: string; path: string; accounts: readonly string[]; plugins: readonly string[]; lines: string }) => ({
    message: `There is no DNS provider "${at.name}"`,
    hint: `${at.path} sets up: ${list(at.accounts)}. Installed plugins: ${list(at.plugins)}. To set one up, write there, with the options of the plugin beside its name:\n${at.lines}`,
  }),
  PLUGIN_SECRET_UNREADABLE: (at: { where: string; because: string; hint: string }) => ({
    message: `The secret in ${at.where} cannot be used: ${at.because}`,
    hint: at.hint,
  }),
  PLUGIN_PRESENT_FAILED: (at: { plugin: string; because: string }) => ({
    message: `${at.plugin} could not publish the proof: ${at.because}`,
    hint: 'Nothing was asked of the CA that counts against a limit for failed validations.',
  }),
  PLUGIN_DNS_FAILED: (at: { what: string; because: string }) => ({
    message: `The DNS did not tell ${at.what}: ${at.because}`,
    hint: 'Questions go to the resolvers of certkit.yaml ("resolvers"), else to those of /etc/resolv.conf, and to the servers of the zone.',
  }),
  PLUGIN_NOTIFY_FAILED: (at: { plugin: string; because: string }) => ({
    message: `${at.plugin} could not carry the news: ${at.because}`,
    hint: 'Nothing else failed for that. "certkit notify test" tries the channels.',
  }),
  PLUGIN_UNABLE: (at: { plugin: string; name: string; because: string }) => ({
    message: `${at.plugin} cannot prove control of ${at.name}: ${at.because}`,
    hint: 'Choose another authenticator with --authenticator.',
  }),
  PLUGIN_FAILED: (at: { plugin: string; during: string; because: string }) => ({
    message: `${at.plugin} failed during ${at.during}: ${at.because}`,
    hint: 'This error came from the plugin without a code; its author should know.',
  }),
  PLUGIN_BAD_PLAN: (at: { plugin: string; because: string }) => ({
    message: `${at.plugin} planned something that cannot be applied: ${at.because}`,
    hint: 'Nothing was touched. This is a fault of the plugin.',
  }),

  ACME_UNREACHABLE: (at: { url: string; because: string }) => ({
    message: `The CA at ${at.url} cannot be reached: ${at.because}`,
    hint: 'Check the address, the network and, for a private CA, --ca-bundle.',
  }),
  ACME_BAD_REPLY: (at: { url: string; because: string }) => ({
    message: `The CA's reply from ${at.url} cannot be used: ${at.because}`,
    hint: 'Is it the URL of an ACME directory? Otherwise the CA is at fault; the next run tries again.',
  }),
  ACME_PROBLEM: (at: { url: string; type: string; detail: string; status: number; subproblems: readonly string[] }) => ({
    message: `The CA refused (${at.type}, HTTP ${at.status}): ${at.detail}${at.subproblems.map((text) => `\n  - ${text}`).join('')}`,
    hint: "The words are the CA's own; mend what they name and run again.",
  }),
  ACME_RATE_LIMITED: (at: { detail: string; until: string; retryAtMs?: number }) => ({
    message: `The CA limits how often it may be asked: ${at.detail}`,
    hint: `It asks to wait until ${at.until}.`,
  }),
  ACME_RESTING: (at: { name: string; ca: string; until: string }) => ({
    message: `${at.name} was not renewed: its CA, ${at.ca}, has failed and is left alone until ${at.until}`,
    hint: 'Run the same command at a terminal, which tries at once, or after that moment. The failure before is in "certkit status".',
  }),
  ACME_CHALLENGE_FAILED: (at: { name: string; challenge: string; type: string; detail: string }) => ({
    message: `The CA could not validate ${at.name} by ${at.challenge} (${at.type}):${at.detail.startsWith('\n') ? '' : ' '}${at.detail}`,
    hint: 'The words say what the CA saw. The proof was published from this machine: does the name lead here?',
  }),
  ACME_NO_CHALLENGE: (at: { name: string; offered: readonly string[]; able: readonly string[] }) => ({
    message: `The CA offers ${list(at.offered)} for ${at.name}; the authenticator answers ${list(at.able)}`,
    hint: 'Choose another authenticator with --authenticator.',
  }),
  ACME_ORDER_INVALID: (at: { names: readonly string[]; detail: string }) => ({
    message: `The order for ${list(at.names)} became invalid: ${at.detail}`,
    hint: 'Run again; a new order is made.',
  }),
  ACME_TIMEOUT: (at: { what: string; seconds: number }) => ({
    message: `The CA did not finish ${at.what} within ${at.seconds} seconds`,
    hint: 'Run again; an order of a lineage that is there already is gone on with.',
  }),
  ACME_BAD_CERTIFICATE: (at: { because: string }) => ({
    message: `What the CA sent is not the certificate that was ordered: ${at.because}`,
    hint: 'It was not stored. The CA is at fault; the next run orders anew.',
  }),
  ACME_NO_PROFILE: (at: { profile: string; ca: string; known: readonly string[] }) => ({
    message: `The CA at ${at.ca} has no profile "${at.profile}"; its profiles: ${list(at.known)}`,
    hint:
      at.known.length === 0
        ? 'Take "profile" out of the file of the lineage or certkit.yaml, or choose another CA.'
        : 'Give one of them with --profile, or as "profile" in the file of the lineage or certkit.yaml.',
  }),
  ACME_TERMS: (at: { url: string }) => ({
    message: `The CA asks you to agree to its terms of service: ${at.url}`,
    hint: 'Read them and give --agree-tos.',
  }),

  INSTALLER_NOT_FOUND: (at: { installer: string; because: string }) => ({
    message: `${at.installer} found no server: ${at.because}`,
    hint: 'Name it with the options of the installer, such as --nginx-custom-binary.',
  }),
  INSTALLER_AMBIGUOUS: (at: { installer: string; found: readonly string[] }) => ({
    message: `${at.installer} found more than one server: ${list(at.found)}`,
    hint: 'Choose one with the options of the installer.',
  }),
  INSTALLER_UNREADABLE: (at: { faults: readonly string[] }) => ({
    message: `The server's configuration cannot be read whole:${at.faults.map((text) => `\n  ${text}`).join('')}`,
    hint: 'Nothing was touched. Mend the file named, or report it if the server accepts it.',
  }),
  INSTALLER_NO_WEBROOT: (at: { plugin: string; wayOut: string; name: string; obstacles: readonly string[]; others: readonly string[] }) => ({
    message: `${at.plugin} has no place for the proof of ${at.name}:${[
      ...at.obstacles,
      ...(at.others.length === 0 ? [] : [`${list(at.others)}: nothing there is for the name over plain HTTP`]),
      ...(at.obstacles.length + at.others.length === 0 ? ['no web server was found on this machine whose configuration tells one'] : []),
    ]
      .map((text) => `\n  ${text}`)
      .join('')}`,
    hint: `Name the directory that the site is served from, with ${at.wayOut}, or choose another authenticator. The CA was not asked.`,
  }),
  INSTALLER_SEVERAL_WEBROOTS: (at: { plugin: string; wayOut: string; name: string; found: readonly string[] }) => ({
    message: `${at.plugin} finds more than one place for the proof of ${at.name}:${at.found.map((text) => `\n  ${text}`).join('')}`,
    hint: `Name the one that a CA comes to, with ${at.wayOut}. The CA was not asked.`,
  }),
  INSTALLER_REJECTED: (at: { server: string; output: string }) => ({
    message: `${at.server} refuses its configuration:\n${at.output}`,
    hint: "The words are the server's own.",
  }),
  INSTALLER_BROKEN_BEFORE: (at: { server: string; output: string }) => ({
    message: `${at.server} already refuses its configuration, before any change of ours:\n${at.output}`,
    hint: /\(13: Permission denied\)/.test(at.output)
      ? 'Nothing was touched. The server may do what this user may not: run certkit as root, or as the user who runs the server.'
      : 'Nothing was touched. Mend the configuration and run again.',
  }),
  INSTALLER_NO_SITE: (at: { lineage: string; because: string; hint: string }) => ({ message: `${at.lineage}: ${at.because}`, hint: at.hint }),
  INSTALLER_SITE_HELD: (at: { lineage: string; because: string; hint: string }) => ({ message: `${at.lineage}: ${at.because}`, hint: at.hint }),
  INSTALLER_SITE_UNREADABLE: (at: { lineage: string; because: string; hint: string }) => ({ message: `${at.lineage}: ${at.because}`, hint: at.hint }),
  INSTALLER_UNSUPPORTED: (at: { lineage: string; because: string; hint: string }) => ({ message: `${at.lineage}: ${at.because}`, hint: at.hint }),
  INSTALLER_DRIFT: (at: { lineage: string; because: string; hint: string }) => ({ message: `${at.lineage}: ${at.because}`, hint: at.hint }),
  INSTALLER_CONFLICT: (at: { file: string; lineages: readonly string[] }) => ({
    message: `Two lineages would change the same place of ${at.file}: ${list(at.lineages)}`,
    hint: 'Give the names to one lineage, or separate the sites.',
  }),
  INSTALLER_ADDRESS_TAKEN: (at: { address: string; holder: string }) => ({
    message: `${at.address} is to be listened on and is held by ${at.holder}`,
    hint: 'Stop that program or move it; the server would keep its old configuration without a word.',
  }),
  INSTALLER_RELOAD_FAILED: (at: { server: string; because: string }) => ({
    message: `${at.server} could not be reloaded: ${at.because}`,
    hint: 'What was changed has been taken back.',
  }),
  INSTALLER_NOT_SERVED: (at: { server: string; names: readonly string[] }) => ({
    message: `${at.server} does not serve the new certificate:${at.names.map((text) => `\n  ${text}`).join('')}`,
    hint: 'The old certificate and configuration are back. Is another server block or program answering there?',
  }),
  INSTALLER_UNDO_STOPPED: (at: { file: string; difference: string }) => ({
    message: `${at.file} was changed by somebody else since certkit wrote it, so it is not restored:\n${at.difference}`,
    hint: 'Put the file back as it was and run "certkit recover"; or keep it as it is now with "certkit recover --as-is".',
  }),
  INSTALLER_EDIT_CHANGED: (at: { name: string; file: string; wrote: string; replaced: string; line: number; now: string }) => ({
    message: [
      `${at.file} was changed by somebody else where certkit had written for ${at.name}, so nothing is taken out.`,
      ...(at.wrote.trim() === '' ? [] : [`certkit wrote:\n${indented(at.wrote)}`]),
      ...(at.replaced.trim() === '' ? [] : [`${at.wrote.trim() === '' ? 'certkit took out' : 'in place of'}:\n${indented(at.replaced)}`]),
      ...(at.now.trim() === '' ? [] : [`now ${at.file}:${at.line} has:\n${indented(at.now)}`]),
    ].join('\n'),
    hint:
      at.wrote.trim() === ''
        ? `Put it back by hand where it belongs, then run "certkit undeploy ${at.name}" again.`
        : `Take it out of the file by hand, then run "certkit undeploy ${at.name}" again.`,
  }),
  INSTALLER_STILL_NAMED: (at: { name: string; places: readonly string[]; by: 'delete' | 'undeploy' }) => ({
    message: `The certificate ${at.name} is still named in ${list(at.places)}`,
    hint:
      at.by === 'delete'
        ? `"certkit undeploy ${at.name}" takes out what certkit wrote; what somebody else wrote is taken out by hand. Nothing was touched.`
        : `certkit has no record of writing this: put another certificate there by hand, then run "certkit undeploy ${at.name}" again. Nothing was touched.`,
  }),
  INSTALLER_UNSEEN: (at: { name: string; installer: string; because: string; hint: string }) => ({
    message: `A server where ${at.name} is used cannot be looked at: ${at.because}`,
    hint: `${at.hint} If that server is gone for good, take the installer ${at.installer} out of lineages/${at.name}.yaml.`,
  }),
  INSTALLER_STILL_SERVED: (at: { server: string; names: readonly string[] }) => ({
    message: `${at.server} goes on serving the certificate although nothing of it is in the configuration any more:${at.names.map((text) => `\n  ${text}`).join('')}`,
    hint: 'What was taken out is back. The server probably could not use the new configuration; its error log says why.',
  }),
  INSTALLER_SERVER_DIED: (at: { server: string; because: string }) => ({
    message: `${at.server} ran when certkit came and does not run now: ${at.because}`,
    hint: 'The old configuration is back. Start the server and look at its error log.',
  }),

  EXEC_FAILED: (at: { command: string; outcome: string; stderrTail: string }) => ({
    message: `${at.command}: ${at.outcome}${at.stderrTail === '' ? '' : `\n${at.stderrTail}`}`,
    hint: 'Run the command by hand to see more.',
  }),
  EXEC_NOT_FOUND: (at: { file: string }) => ({
    message: `The program ${at.file} is not there`,
    hint: 'Give its absolute path, or put it on the PATH certkit runs with.',
  }),
  EXEC_HOOK_FAILED: (at: { event: string; lineages: readonly string[]; origin: string; because: string }) => ({
    message: `The ${at.event} hook of ${at.lineages.length > 3 ? `${at.lineages.length} lineages` : list(at.lineages)} failed: ${at.because}`,
    hint: `It comes from ${at.origin}. Run it by hand to see more; docs/hooks.md says what it is told.`,
  }),

  EXEC_HEARTBEAT_FAILED: (at: { to: string; because: string }) => ({
    message: `The heartbeat could not be sent to ${at.to}: ${at.because}`,
    hint: 'Nothing else failed for that. See "heartbeat" in certkit.yaml; "certkit notify test" tries it.',
  }),

  STORE_UNREADABLE: (at: { path: string; line?: number; because: string }) => ({
    message: `${at.path}${at.line === undefined ? '' : `:${at.line}`}: ${at.because}`,
    hint: /permission denied/.test(at.because) ? 'Run certkit as root, or as the user whom the file belongs to.' : mending(at.path),
  }),
  STORE_UNSAFE: (at: { path: string; because: string }) => ({
    message: `${at.path} is not safe to use: ${at.because}`,
    hint: 'It may decide what runs as this user: make it and the directories above it yours alone to write.',
  }),
  STORE_LOCKED: (at: { path: string; holder: string; seconds: number }) => ({
    message: `${at.path} is held by ${at.holder}, and was not free within ${at.seconds} seconds`,
    hint: 'Wait for that run to end, or look at what it is doing.',
  }),
  STORE_FILE_CHANGED: (at: { path: string }) => ({
    message: `${at.path} was changed by somebody else while certkit was working`,
    hint: 'Nothing of it was overwritten. Run again.',
  }),
  STORE_FILE_REFUSED: (at: { path: string; because: string; hint: string }) => ({ message: `${at.path} is not edited: ${at.because}`, hint: at.hint }),
  STORE_WRITE_FAILED: (at: { path: string; because: string }) => ({
    message: `${at.path} could not be written: ${at.because}`,
    hint: 'What was there is unchanged. Check rights and free space.',
  }),
  STORE_ESCAPE: (at: { path: string; because: string }) => ({
    message: `${at.path} is refused: ${at.because}`,
    hint: 'Below a directory of somebody else no link is followed and nothing of theirs is replaced.',
  }),
  STORE_UNFINISHED: (at: { what: string; because: string }) => ({
    message: `${at.what} could not be recovered: ${at.because}`,
    hint: 'Mend what is named and run "certkit recover".',
  }),

  BUG_UNEXPECTED: (at: { because: string }) => ({
    message: `Unexpected: ${at.because}`,
    hint: 'This is a fault of certkit. Please report it with the output of --debug.',
  }),
} satisfies Record<string, (at: never) => Entry>;

export type ErrorCode = keyof typeof catalogue;
export type ErrorFacts<C extends ErrorCode> = Parameters<(typeof catalogue)[C]>[0];

const BRAND = Symbol.for('certkit.error');

/** One of several things that could be meant, and the options of the plugin that mean it alone. */
export interface Choice {
  readonly title: string;
  readonly options: Readonly<Record<string, string>>;
}

interface Extras {
  readonly status?: number;
  readonly retryAtMs?: number;
  readonly choices?: readonly Choice[];
}

const ORDERS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
/** Text without what a terminal takes for orders, but for the end of a line: names of files and programs, and what servers answer, are for strangers to choose. */
export const withoutOrders = (text: string): string => text.replace(ORDERS, (character) => (character === '\n' || character === '\t' ? character : ''));

/** The one error class: a code to act on, words for people, the way out. */
export class CertkitError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  /** The moment the CA asked to come back at, in milliseconds since the Unix epoch. */
  readonly retryAtMs: number | undefined;
  /** HTTP status of the CA's reply, where the error is made of one. */
  readonly status: number | undefined;
  /** What could be meant, where the error is that more than one thing is. */
  readonly choices: readonly Choice[];

  constructor(code: ErrorCode, entry: Entry, cause?: unknown, { retryAtMs, status, choices = [] }: Extras = {}) {
    super(withoutOrders(entry.message), cause === undefined ? undefined : { cause });
    this.name = 'CertkitError';
    this.code = code;
    this.hint = withoutOrders(entry.hint);
    this.retryAtMs = retryAtMs;
    this.status = status;
    this.choices = choices;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Builds the catalogued error for the caller to throw; the stack starts at the caller. */
export function fault<C extends ErrorCode>(code: C, facts: ErrorFacts<C>, cause?: unknown): CertkitError {
  const entry = (catalogue[code] as (at: ErrorFacts<C>) => Entry)(facts);
  const extras = {
    ...('retryAtMs' in facts && typeof facts.retryAtMs === 'number' ? { retryAtMs: facts.retryAtMs } : {}),
    ...('status' in facts && typeof facts.status === 'number' ? { status: facts.status } : {}),
  };
  const error = new CertkitError(code, entry, cause, extras);
  Error.captureStackTrace(error, fault);
  return error;
}

/** Builds the error of a code with words that came from elsewhere, as a plugin's do. */
export function faultInWords(code: ErrorCode, message: string, hint: string, cause?: unknown, choices: readonly Choice[] = []): CertkitError {
  return new CertkitError(code, { message, hint }, cause, { choices });
}

/** Recognises an error of this or another installed copy of certkit. */
export function isCertkitError(value: unknown): value is CertkitError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** Whatever was thrown, as a catalogued error; what is unknown is a fault of ours. */
export function asCertkitError(thrown: unknown): CertkitError {
  if (isCertkitError(thrown)) return thrown;
  return fault('BUG_UNEXPECTED', { because: thrown instanceof Error ? thrown.message : String(thrown) }, thrown);
}

/** An error as events and `--json` carry it. */
export function faultFacts({ code, message, hint }: CertkitError): { readonly code: string; readonly message: string; readonly hint: string } {
  return { code, message, hint };
}

export const ERROR_CODES = Object.keys(catalogue) as readonly ErrorCode[];

const EXIT_CODES: readonly (readonly [prefix: string, exitCode: number])[] = [
  ['USAGE_', 2],
  ['PLUGIN_', 3],
  ['ACME_', 4],
  ['INSTALLER_', 5],
  ['EXEC_', 6],
  ['STORE_', 7],
  ['BUG_', 70],
];

/** The exit code says who can mend it; a run stopped by a signal ends as shells say it, 130. */
export function exitCodeOf(code: ErrorCode): number {
  if (code === 'USAGE_INTERRUPTED') return 130;
  return EXIT_CODES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 70;
}
