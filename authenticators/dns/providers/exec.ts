import { command, file } from 'certkit/options';
import { defineDnsProvider, type TxtRecord } from 'certkit/plugin';
import { eachInTurn } from './each-in-turn.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { demandPlain } from './presentation.ts';
import { changeFault, invalidOption } from './provider-fault.ts';
import { runToEnd } from './run-to-end.ts';

const LIMIT_MS = 120_000;

const invalid = (option: string, because: string, hint: string) => invalidOption('exec', option, because, hint);

/** Calls a program as lego's provider of the same name does (go-acme.github.io/lego/dns/exec): programs written for it work unchanged. */
export default defineDnsProvider({
  name: 'exec',
  summary: 'Runs a program of yours for each record: PROGRAM present FQDN VALUE, later PROGRAM cleanup FQDN VALUE',
  options: {
    program: command('The program, and arguments before those of certkit; no shell reads them', { required: true }),
    'environment-file': file('A file with NAME=value lines for its environment, such as credentials; mode 0600'),
  },
  argument: 'program',

  create({ program: [program, ...args], 'environment-file': environmentFile }, { files, programs }) {
    if (program === undefined || !program.startsWith('/'))
      throw invalid('program', 'it does not begin with the absolute path of a program', 'Write it as exec:/usr/local/bin/set-record, or set "program".');

    const change = async (verb: 'present' | 'cleanup', zone: string, records: readonly TxtRecord[], signal: AbortSignal) => {
      demandPlain('exec', zone, records);
      const variables = await readEnvironmentFile('exec', environmentFile, files);
      const call = async ({ name, value }: TxtRecord) => {
        const title = `${program} ${verb} ${name}.`;
        const { exitCode, words } = await runToEnd(programs, {
          provider: 'exec',
          zone,
          command: [program, ...args, verb, `${name}.`, value],
          title,
          variables,
          secrets: Object.values(variables),
          limitMs: LIMIT_MS,
          signal,
          missing: 'Is its path right, and may it be executed?',
        });
        if (exitCode === 0) return;
        const because = `${title} ended with exit code ${exitCode}${words === '' ? '' : `: ${words}`}`;
        throw changeFault('exec', zone, because, 'It has to end with 0 when the record is as asked for.');
      };
      await eachInTurn(records, call, verb === 'cleanup' ? 'all' : 'until-one-fails');
    };
    return {
      append: (zone, records, signal) => change('present', zone, records, signal),
      remove: (zone, records, signal) => change('cleanup', zone, records, signal),
    };
  },
});
