import type { Command } from 'commander';
import { faultFacts } from '../errors.ts';
import type { KnownServer } from '../flows/known-servers.ts';
import { endpointText, type Site } from '../model/site.ts';
import { type CommandContext, errorFacts, exitCodeFor } from './command.ts';
import { dnsAccountFacts, dnsAccountText } from './dns-account-text.ts';
import type { Output } from './output.ts';
import { faultText } from './words.ts';

export function declareDoctor(program: Command): Command {
  return program
    .command('doctor')
    .description('what servers were found here and how that was decided, their sites, accounts at DNS providers, and what stands in the way');
}

export async function doctorCommand({ certkit, output }: CommandContext): Promise<number> {
  const servers = await certkit.knownServers();
  if (servers.length === 0) output.say('No server was found. Name its program with an option of the installer, such as --nginx-custom-binary.');
  for (const server of servers) print(server, certkit.store.liveRoot, output);
  const accounts = await certkit.knownDnsAccounts();
  for (const account of accounts) output.say(dnsAccountText(account));
  const failures = [
    ...servers.flatMap((server) => ('error' in server ? [server.error] : [])),
    ...accounts.flatMap((account) => (account.state === 'faulty' ? [account.error] : [])),
  ];
  output.result('doctor', { servers: servers.map(factsOf), dnsProviders: accounts.map(dnsAccountFacts), ...errorFacts(failures) });
  return exitCodeFor(failures, servers.length + accounts.length);
}

function print(server: KnownServer, liveRoot: string, output: Output): void {
  const { choice, lineages } = server;
  const users = lineages.length === 0 ? 'no lineage uses it' : `used by ${lineages.join(', ')}`;
  if ('error' in server) {
    output.say(`${choice.plugin} (${users})\n  ${faultText(server.error).replaceAll('\n', '\n  ')}`);
    return;
  }
  const { findings = [], sites, faults, server: found } = server.survey;
  output.say(`${found.title} (installer ${choice.plugin}; ${users})`);
  const width = Math.max(0, ...findings.map(({ what }) => what.length));
  for (const { what, is } of findings) output.say(`  ${what.padEnd(width)}  ${is}`);
  if (sites.length > 0) output.say('  sites');
  for (const site of sites) output.say(siteText(site, liveRoot));
  if (faults.length > 0) output.say('  what cannot be read, or is read otherwise by the server');
  for (const { file, line, because } of faults) output.say(`    ${file}${line === undefined ? '' : `:${line}`}: ${because}`);
}

function siteText({ id, names, listens, pairs, aloof }: Site, liveRoot: string): string {
  const at = listens.map(({ endpoint, tls, quic }) => `${endpointText(endpoint)}${quic ? ' QUIC' : tls ? ' TLS' : ''}`).join(', ');
  const certificates = pairs.map(({ certificate }) => {
    const own = certificate.startsWith(`${liveRoot}/`) ? certificate.slice(liveRoot.length + 1).split('/')[0] : undefined;
    return own === undefined ? certificate : `lineage ${own}`;
  });
  return [
    `    ${names.length === 0 ? 'a block without a name' : names.join(' ')}  (${id})`,
    `      at ${at === '' ? 'no address' : at}${certificates.length === 0 ? '' : `, with ${certificates.join(' and ')}`}`,
    ...(aloof === undefined ? [] : [`      left alone: ${aloof}`]),
  ].join('\n');
}

function factsOf(server: KnownServer): Readonly<Record<string, unknown>> {
  const { choice, lineages } = server;
  if ('error' in server) return { installer: choice.plugin, lineages, error: faultFacts(server.error) };
  const { findings = [], sites, faults, server: found } = server.survey;
  return { installer: choice.plugin, lineages, key: found.key, title: found.title, running: found.process !== undefined, findings, sites, faults };
}
