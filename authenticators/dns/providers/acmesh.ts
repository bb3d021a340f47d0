import { userInfo } from 'node:os';
import { directory, file, text } from 'certkit/options';
import { defineDnsProvider, type TxtRecord } from 'certkit/plugin';
import { findInstallation, type Installation, unknownScript } from './acmesh-installation.ts';
import { savedValues } from './acmesh-saved.ts';
import { callOf, ENDINGS, LOCK_WAIT_SECONDS } from './acmesh-script.ts';
import { eachInTurn } from './each-in-turn.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { demandPlain } from './presentation.ts';
import { changeFault, invalidOption } from './provider-fault.ts';
import { type Ending, runToEnd } from './run-to-end.ts';

const LIMIT_MS = 300_000;
const SCRIPT = /^dns_[A-Za-z0-9_]+$/;

/**
 * Runs scripts of acme.sh's dnsapi where acme.sh is installed, in a process of its own for each record. acme.sh keeps its account.conf
 * and its files of a request in one place for everything, so one runs at a time on a machine: under a lock on acme.sh itself.
 */
export default defineDnsProvider({
  name: 'acmesh',
  summary: "Runs one of acme.sh's dnsapi scripts, with the credentials that acme.sh has saved for it",
  options: {
    script: text('The script, as acme.sh names it after --dns: dns_cf, dns_aws, ...', { required: true }),
    home: directory("acme.sh's home, where its account.conf is; ~/.acme.sh of the user that runs certkit when not given"),
    program: file('acme.sh itself, when it is neither in its home nor where packages put it'),
    'environment-file': file('A file with NAME=value lines with what the script asks for, when acme.sh has not saved it; mode 0600'),
  },
  argument: 'script',

  create({ script, home: givenHome, program: givenProgram, 'environment-file': environmentFile }, { files, programs }) {
    if (!SCRIPT.test(script))
      throw invalidOption('acmesh', 'script', 'it is not the name of a dnsapi script', 'Write it as acme.sh takes it after --dns: acmesh:dns_cf.');

    const change = async (verb: 'add' | 'rm', zone: string, records: readonly TxtRecord[], signal: AbortSignal) => {
      demandPlain('acmesh', zone, records);
      const installation = await findInstallation({ script, home: givenHome, program: givenProgram }, files);
      const variables = await readEnvironmentFile('acmesh', environmentFile, files);
      const call = async (record: TxtRecord) => {
        const { exitCode, words } = await runToEnd(programs, {
          provider: 'acmesh',
          zone,
          command: callOf(installation, script, verb, record),
          variables: { ...variables, HOME: userInfo().homedir, LE_WORKING_DIR: installation.home, NO_TIMESTAMP: '1' },
          secrets: [...Object.values(variables), ...(await savedValues(installation.home, files))],
          title: `${script}_${verb}`,
          limitMs: LOCK_WAIT_SECONDS * 1000 + LIMIT_MS,
          signal,
          missing: 'Install flock (package util-linux).',
        });
        if (exitCode === ENDINGS.noScript) throw await unknownScript(script, installation, files);
        if (exitCode !== 0) throw failure({ installation, script, verb, zone, name: record.name, exitCode, words });
      };
      await eachInTurn(records, call, verb === 'rm' ? 'all' : 'until-one-fails');
    };
    return {
      append: (zone, records, signal) => change('add', zone, records, signal),
      remove: (zone, records, signal) => change('rm', zone, records, signal),
    };
  },
});

interface Failed extends Ending {
  readonly installation: Installation;
  readonly script: string;
  readonly verb: 'add' | 'rm';
  readonly zone: string;
  readonly name: string;
}

function failure({ installation: { program, home }, script, verb, zone, name, exitCode, words }: Failed): Error {
  if (exitCode === ENDINGS.locked) {
    const because = `other calls of ${program} did not end within ${LOCK_WAIT_SECONDS} seconds`;
    return changeFault('acmesh', zone, because, `"fuser -v ${program}" names the processes that hold it.`);
  }
  if (exitCode === ENDINGS.noFunction) {
    const hint = verb === 'rm' ? `It cannot remove records: take ${name} away by hand.` : 'It is no script for DNS records.';
    return changeFault('acmesh', zone, `${script} has no function ${script}_${verb}`, hint);
  }
  const because = `${script}_${verb} failed for ${name}${words === '' ? '' : `: ${words}`}`;
  const hint = `What it needs is saved in ${home}/account.conf by "acme.sh --issue --dns ${script}", or set by "environment-file" of acmesh.`;
  return changeFault('acmesh', zone, because, hint);
}
