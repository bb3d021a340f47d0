import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Command } from 'commander';
import { asCertkitError, exitCodeOf, fault, faultInWords } from '../errors.ts';
import type { Terminal } from './output.ts';

export interface NginxDumpFlags {
  readonly conf?: string;
  readonly prefix?: string;
  readonly singleFile?: boolean;
  readonly comments?: boolean;
}

interface DumpContext {
  readonly terminal: Pick<Terminal, 'out'>;
  readonly certkit: {
    dumpNginx(
      request: { readonly conf?: string; readonly prefix?: string; readonly singleFile: boolean; readonly comments: boolean },
      write: (text: string) => Promise<void>,
    ): Promise<'ok' | 'failed'>;
  };
}

export function declareNginx(program: Command): { readonly dump: Command } {
  const nginx = program
    .command('nginx')
    .description('look at the configuration of nginx')
    .allowExcessArguments()
    .action(() => {
      throw fault('USAGE_INVALID', { problem: 'After "certkit nginx" comes one command: dump' });
    });
  const dump = nginx
    .command('dump')
    .description("print the configuration as the JSON that nginx's crossplane prints")
    .option('-c, --conf <file>', "the main configuration file; by default that of this machine's nginx")
    .option('-p, --prefix <directory>', 'where a relative --conf is; without --conf, what has conf/nginx.conf or nginx.conf')
    .option('--single-file', 'do not follow includes')
    .option('--comments', 'print comments too');
  return { dump };
}

/** Prints JSON, with or without `--json`. */
export async function nginxDumpCommand(flags: NginxDumpFlags, { certkit, terminal }: DumpContext): Promise<number> {
  const prefix = flags.prefix === undefined ? undefined : resolve(flags.prefix);
  const conf = flags.conf === undefined ? undefined : resolve(prefix ?? '', flags.conf);
  const request = {
    ...(conf !== undefined && { conf }),
    ...(prefix !== undefined && { prefix }),
    singleFile: flags.singleFile === true,
    comments: flags.comments === true,
  };
  const write = (text: string) => {
    terminal.out(text);
    return turn(); // what was given to a pipe stays in memory until the event loop turns
  };
  const status = await certkit.dumpNginx(request, write).catch((thrown: unknown) => {
    const { code, message, choices, cause } = asCertkitError(thrown);
    if (code !== 'INSTALLER_NOT_FOUND' && code !== 'INSTALLER_AMBIGUOUS') throw thrown;
    throw faultInWords(code, message, 'Name the main configuration file with "certkit nginx dump -c FILE".', cause, choices);
  });
  return status === 'ok' ? 0 : exitCodeOf('INSTALLER_UNREADABLE');
}
