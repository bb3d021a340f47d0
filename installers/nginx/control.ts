import { basename } from 'node:path';
import { type PluginContext, type ProgramResult, type Programs, pluginFault } from 'certkit/plugin';
import { callOf, type Instance, titleOf } from './instance.ts';
import { readMaster, textOf } from './masters.ts';
import { pidIn } from './paths.ts';

/** How the machine tests and reloads its server, where a person says so. */
export interface Commands {
  readonly test?: readonly string[] | undefined;
  readonly reload?: readonly string[] | undefined;
}

const TEST_TIMEOUT_MS = 120_000;
const RELOAD_TIMEOUT_MS = 120_000;
const ASK_TIMEOUT_MS = 10_000;
const ANY_EXIT_CODE = Array.from({ length: 256 }, (_, code) => code);

/** The server's own test; throws INSTALLER_REJECTED with its words. */
export async function testConfiguration(instance: Instance, commands: Commands, programs: Programs, signal: AbortSignal): Promise<void> {
  const [file = '', ...args] = testCommand(instance, commands);
  const result = await programs.run(file, args, { accept: ANY_EXIT_CODE, timeoutMs: TEST_TIMEOUT_MS, signal });
  if (result.exitCode !== 0) {
    throw pluginFault('INSTALLER_REJECTED', `${titleOf(instance)} refuses its configuration:\n${wordsOf(result)}`, "The words are the server's own.");
  }
}

export function testCommand(instance: Instance, { test }: Commands): readonly string[] {
  return test ?? callOf(instance, ['-t', '-q']);
}

/**
 * Reloads the way this machine does. A server that does not run is never started.
 *
 * @param pidFile - where the configuration puts it
 */
export async function reload(instance: Instance, pidFile: string, commands: Commands, context: PluginContext, signal: AbortSignal): Promise<void> {
  const { files, programs } = context;
  const master = instance.master && (await readMaster(instance.master.pid, files));
  if (master === undefined) throw reloadFault(instance, 'it does not run, and it is not started by a reload');

  const { by, command } = await wayOfReload(instance, master.pid, commands, context);
  if (by === 'signal') await requireOwnPid(instance, master.pid, pidFile, context);
  const [file = '', ...args] = command;
  const result = await programs.run(file, args, { accept: ANY_EXIT_CODE, timeoutMs: RELOAD_TIMEOUT_MS, signal });
  if (result.exitCode !== 0) throw reloadFault(instance, `${command.join(' ')} ended with ${result.exitCode}\n${wordsOf(result)}`);
}

export interface WayOfReload {
  readonly by: 'given' | 'systemd' | 'signal';
  readonly command: readonly string[];
}

/** The command given, else the service manager that runs the master, else the program's own signal to the process that its pid file names. */
export async function wayOfReload(instance: Instance, pid: number, commands: Commands, context: PluginContext): Promise<WayOfReload> {
  if (commands.reload !== undefined) return { by: 'given', command: commands.reload };
  const unit = await unitOf(pid, context);
  return unit === undefined ? { by: 'signal', command: callOf(instance, ['-s', 'reload']) } : { by: 'systemd', command: ['systemctl', 'reload', unit] };
}

/** The systemd unit whose main process is the master. A unit that merely contains it (cron, sshd, a panel) is none. */
async function unitOf(pid: number, { files, programs }: PluginContext): Promise<string | undefined> {
  const groups = await textOf(files, `/proc/${pid}/cgroup`);
  const unit = groups
    .split('\n')
    .map((line) => basename(line))
    .find((name) => name.endsWith('.service'));
  if (unit === undefined) return undefined;
  try {
    const { stdout } = await programs.run('systemctl', ['show', '--property=MainPID,CanReload', unit], { timeoutMs: ASK_TIMEOUT_MS });
    const lines = stdout.split('\n');
    return lines.includes(`MainPID=${pid}`) && lines.includes('CanReload=yes') ? unit : undefined;
  } catch {
    return undefined; // no systemctl, or no systemd that answers: it does not run the master
  }
}

/** `-s reload` signals whatever process the pid file names. */
async function requireOwnPid(instance: Instance, pid: number, pidFile: string, { files }: PluginContext): Promise<void> {
  const named = await pidIn(pidFile, files);
  if (named === pid) return;
  const says = named === undefined ? 'holds no process number' : `names process ${named}`;
  throw reloadFault(instance, `its pid file ${pidFile} ${says}, and its master is process ${pid}`);
}

function reloadFault(instance: Instance, because: string): Error {
  return pluginFault(
    'INSTALLER_RELOAD_FAILED',
    `${titleOf(instance)} could not be reloaded: ${because}`,
    'Give the command that reloads it on this machine with --nginx-custom-reload-command.',
  );
}

function wordsOf({ stdout, stderr }: ProgramResult): string {
  return [stderr, stdout].map((text) => text.trim()).find((text) => text !== '') ?? 'It says nothing.';
}
