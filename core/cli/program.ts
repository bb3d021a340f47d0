import { Command, CommanderError, Option } from 'commander';
import { compose } from '../composition.ts';
import { asCertkitError, type CertkitError, exitCodeOf, fault, withoutOrders } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { type DeleteFlags, declareDelete, deleteCommand } from './delete-command.ts';
import { type DeployFlags, declareDeploy, deployCommand } from './deploy-command.ts';
import { declareDoctor, doctorCommand } from './doctor-command.ts';
import { declareEdit, type EditFlags, editCommand } from './edit-command.ts';
import { declareExplain, explainCommand } from './explain-command.ts';
import { declareHold, type HoldFlags, holdCommand } from './hold-command.ts';
import { declareNginx, type NginxDumpFlags, nginxDumpCommand } from './nginx-command.ts';
import { declareNotify, type NotifyTestFlags, notifyTestCommand } from './notify-command.ts';
import { createOutput, type Output, type OutputMode, type Terminal } from './output.ts';
import { declarePlugins, pluginsCommand } from './plugins-command.ts';
import { askToAgree } from './questions.ts';
import { declareRecover, type RecoverFlags, recoverCommand } from './recover-command.ts';
import { declareRenew, type RenewFlags, renewCommand } from './renew-command.ts';
import { declareRelease, declareRollback, releaseCommand, rollbackCommand } from './rollback-command.ts';
import { declareRotateKey, rotateKeyCommand } from './rotate-key-command.ts';
import { addRunFlags, declareRun, runCommand } from './run-command.ts';
import { declareSchedule, scheduleInstallCommand, scheduleRemoveCommand, scheduleStatusCommand } from './schedule-command.ts';
import { declareSet, type SetFlags, setCommand } from './set-command.ts';
import { editorOf, homeOf, pathOf, proxyOf } from './settings.ts';
import { declareStatus, type StatusFlags, statusCommand } from './status-command.ts';
import { declareUndeploy, type UndeployFlags, undeployCommand } from './undeploy-command.ts';

/** What the process hands over. */
export interface Invocation {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number;
  readonly version: string;
  readonly packageRoot: string;
  readonly terminal: Terminal;
  /** Aborted with a USAGE_INTERRUPTED when the process is told to stop. */
  readonly signal: AbortSignal;
}

interface GlobalFlags {
  readonly home?: string;
  readonly json?: boolean | string;
  readonly debug?: boolean;
}

/** Runs one command line and answers its exit code. Errors are printed here and nowhere else. */
export async function certkit(invocation: Invocation): Promise<number> {
  const { argv, terminal } = invocation;
  let output = createOutput('human', terminal, false);
  try {
    const flags = globalFlagsIn(argv);
    const mode = outputMode(flags.json);
    output = createOutput(mode, terminal, argv.includes('renew') && !terminal.interactive);
    refuseUnknownCommand(argv);
    return await runLine(invocation, flags, output);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return endOfCommander(thrown, output);
    const error = asCertkitError(invocation.signal.aborted ? invocation.signal.reason : thrown);
    output.failure(error);
    if (argv.includes('--debug')) terminal.err(`${stackOf(error)}\n`);
    return exitCodeOf(error.code);
  }
}

async function runLine(invocation: Invocation, globals: GlobalFlags, output: Output): Promise<number> {
  const { argv, terminal, env, uid, version, packageRoot, signal } = invocation;
  const warn = (text: string) => terminal.err(`${withoutOrders(text)}\n`);
  const log = { debug: globals.debug === true ? warn : () => {}, warn };
  const proxy = proxyOf(env);
  const editor = editorOf(env);
  const certkit = compose({
    home: homeOf(globals.home, env, uid),
    path: pathOf(env),
    uid,
    version,
    packageRoot,
    agreeToTerms: async (message) => argv.includes('--agree-tos') || askToAgree(message, terminal),
    tell: output.tell,
    log,
    signal,
    variable: (name) => env[name],
    watched: terminal.interactive || isRun(argv) || commandIn(argv) === 'rotate-key',
    ...(terminal.interactive ? { person: { show: (text: string) => output.say(withoutOrders(text)), ask: terminal.ask } } : {}),
    ...(proxy === undefined ? {} : { proxy }),
    ...(editor === undefined ? {} : { editor }),
  });

  const context: CommandContext = { certkit, output, terminal };
  let exitCode = 0;
  const does = (command: Command, act: (args: readonly unknown[], flags: unknown) => Promise<number>) =>
    command.action(async (...given: unknown[]) => {
      exitCode = await act(given.slice(0, -2), given.at(-2));
    });

  const program = new Command('certkit')
    .description('Obtains TLS certificates over ACME, installs them into your web server, and keeps them renewed.')
    .version(version, '--version')
    .addOption(new Option('--home <directory>', "certkit's directory; else CERTKIT_HOME, else /etc/certkit"))
    .addOption(new Option('--json [form]', 'print one JSON object, or with --json=events a line for each event; words for people go to stderr'))
    .addOption(new Option('--debug', 'say more, and show where an error came from'))
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: () => {} });

  const run = declareRun(program);
  const pluginFlags = isRun(argv) ? await addRunFlags(run, argv, certkit.catalog) : undefined;
  does(run, async (_args, flags) => {
    if (pluginFlags === undefined) throw fault('BUG_UNEXPECTED', { because: 'run was chosen without its flags' });
    return runCommand(flags as object, pluginFlags, context);
  });
  does(declareRenew(program), ([names], flags) => renewCommand(names as string[], flags as RenewFlags, context));
  does(declareDeploy(program), ([names], flags) => deployCommand(names as string[], flags as DeployFlags, context));
  does(declareStatus(program), ([names], flags) => statusCommand(names as string[], flags as StatusFlags, context));
  does(declareExplain(program), ([name]) => explainCommand(name as string, context));
  does(declareRollback(program), ([name]) => rollbackCommand(name as string, context));
  does(declareRotateKey(program), ([name]) => rotateKeyCommand(name as string, context));
  does(declareHold(program), ([name], flags) => holdCommand(name as string, flags as HoldFlags, context));
  does(declareRelease(program), ([name]) => releaseCommand(name as string, context));
  does(declareSet(program), ([words], flags) => setCommand(words as string[], flags as SetFlags, context));
  does(declareEdit(program), ([name], flags) => editCommand(name as string | undefined, flags as EditFlags, context));
  does(declareUndeploy(program), ([name], flags) => undeployCommand(name as string, flags as UndeployFlags, context));
  does(declareDelete(program), ([name], flags) => deleteCommand(name as string, flags as DeleteFlags, context));
  does(declareRecover(program), (_args, flags) => recoverCommand(flags as RecoverFlags, context));
  const schedule = declareSchedule(program);
  does(schedule.install, ([kind]) => scheduleInstallCommand(kind as string | undefined, context));
  does(schedule.status, () => scheduleStatusCommand(context));
  does(schedule.remove, () => scheduleRemoveCommand(context));
  does(declareNotify(program).test, (_args, flags) => notifyTestCommand(flags as NotifyTestFlags, context));
  does(declareDoctor(program), () => doctorCommand(context));
  does(declareNginx(program).dump, (_args, flags) => nginxDumpCommand(flags as NginxDumpFlags, context));
  does(declarePlugins(program), () => pluginsCommand(context));
  for (const command of program.commands) command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: () => {} });

  try {
    await program.parseAsync(withoutGlobalFlags(argv), { from: 'user' });
    return exitCode;
  } finally {
    await certkit.close();
  }
}

const OTHER_COMMANDS: readonly string[] = [
  'renew',
  'deploy',
  'status',
  'explain',
  'rollback',
  'rotate-key',
  'hold',
  'release',
  'set',
  'edit',
  'undeploy',
  'delete',
  'recover',
  'schedule',
  'notify',
  'doctor',
  'nginx',
  'plugins',
  'help',
];

function refuseUnknownCommand(argv: readonly string[]): void {
  const command = commandIn(argv);
  if (command === undefined || command === 'run' || OTHER_COMMANDS.includes(command)) return;
  throw fault('USAGE_INVALID', { problem: `There is no command "${command}"; there are run, ${OTHER_COMMANDS.join(', ')}` });
}

/** `run` is what is meant when no other command is named. */
function isRun(argv: readonly string[]): boolean {
  return !OTHER_COMMANDS.includes(commandIn(argv) ?? '');
}

/** The first word that is neither a global flag nor its value. */
function commandIn(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--home') at++;
    else if (!word.startsWith('-')) return word;
    else if (!word.startsWith('--home=') && !word.startsWith('--json') && word !== '--debug') return undefined;
  }
  return undefined;
}

/** Flags that must be known before commander can be told about plugins. */
function globalFlagsIn(argv: readonly string[]): GlobalFlags {
  const at = argv.findIndex((word) => word === '--home' || word.startsWith('--home='));
  const home = at === -1 ? undefined : argv[at] === '--home' ? argv[at + 1] : argv[at]?.slice('--home='.length);
  const json = argv.find((word) => word === '--json' || word.startsWith('--json='));
  return {
    ...(home === undefined ? {} : { home }),
    ...(json === undefined ? {} : { json: json === '--json' ? true : json.slice('--json='.length) }),
    debug: argv.includes('--debug'),
  };
}

/** Global flags may stand anywhere; commander wants them before the command, so it does not get to see them. */
function withoutGlobalFlags(argv: readonly string[]): string[] {
  return argv.filter((word, at) => !/^--(home|json|debug)(=|$)/.test(word) && argv[at - 1] !== '--home');
}

function outputMode(json: boolean | string | undefined): OutputMode {
  if (json === undefined || json === false) return 'human';
  if (json === true) return 'json';
  if (json === 'events') return 'events';
  throw fault('USAGE_INVALID', { problem: `--json=${json} is unknown; write --json or --json=events` });
}

/** Help and version are no errors; everything else commander found is the person's slip. */
function endOfCommander(thrown: CommanderError, output: Output): number {
  if (thrown.exitCode === 0) return 0;
  const said = thrown.message.replace(/^error: /, '');
  const ofPlugins = thrown.code === 'commander.unknownOption' ? '; an option of a plugin is known where --installer or --authenticator names the plugin' : '';
  const error = fault('USAGE_INVALID', { problem: `${said}${ofPlugins}` });
  output.failure(error);
  return exitCodeOf(error.code);
}

function stackOf(error: CertkitError): string {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.stack ?? at.message);
  return causes.join('\ncaused by ');
}
