import type { Command } from 'commander';
import type { CommandContext } from './command.ts';

export function declarePlugins(program: Command): Command {
  return program.command('plugins').description('list the plugins that are installed, ours and others, and why one is refused');
}

export async function pluginsCommand({ certkit, output }: CommandContext): Promise<number> {
  const entries = await certkit.catalog.list();
  const width = Math.max(...entries.map(({ name, package: from }) => (name ?? from).length));
  for (const entry of entries) {
    const title = `${(entry.kind ?? 'package').padEnd(13)} ${(entry.name ?? entry.package).padEnd(width)}  ${entry.package} ${entry.version}`;
    output.say(entry.state === 'ok' ? title : `${title}\n  refused: ${entry.because}`);
  }
  output.result('plugins', { plugins: entries });
  return 0;
}
