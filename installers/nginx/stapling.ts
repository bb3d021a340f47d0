import type { HttpServer } from 'certkit/confedit/nginx';
import { whereIs } from './pairs.ts';
import type { NginxFacts } from './survey.ts';
import type { Wanted } from './verdict.ts';

/** What goes on stapling for the certificate that a block had. It is left alone: clients' certificates may be verified with it. */
export function notesOnStapling(server: HttpServer, { lineage }: Wanted, { servers }: NginxFacts): readonly string[] {
  const last = (name: string) => servers.effective(server, name).at(-1);
  const isOn = (name: string) => last(name)?.directive.args[0] === 'on';
  if (!isOn('ssl_stapling')) return [];
  const file = last('ssl_stapling_file');
  const trusted = isOn('ssl_stapling_verify') ? last('ssl_trusted_certificate') : undefined;
  const chains = lineage.pairs.map(({ chain }) => chain);
  return [
    ...(file === undefined ? [] : [`ssl_stapling_file at ${whereIs(file)} is an answer for the certificate before this one: remove it`]),
    ...(trusted === undefined || chains.includes(trusted.directive.args[0] ?? '')
      ? []
      : [`stapled answers are verified with ssl_trusted_certificate at ${whereIs(trusted)}: if it is not of this CA, make it ${chains[0]}`]),
  ];
}
