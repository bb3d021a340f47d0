import type { HttpServer } from 'certkit/confedit/nginx';
import { isAskedFor } from './names.ts';

/**
 * Whether a block is for whatever no other block is for: all its names are such that no client asks for them. A default
 * block with names of its own is the site of those names. `$hostname` is the machine, not a site.
 */
export function isCatchAll(server: HttpServer): boolean {
  const said = server.contents.filter(({ directive }) => directive.name === 'server_name').flatMap(({ directive }) => directive.args);
  const isHostname = said.map((arg) => arg.toLowerCase() === '$hostname');
  return server.names.every((name, at) => name.kind === 'invalid' || (name.kind === 'exact' && (isHostname[at] === true || !isAskedFor(name.text))));
}

/** The line with which a block turns every request away: `return 444`. A certificate there would show nobody anything. */
export function turningAway(server: HttpServer): { readonly line: number; readonly text: string } | undefined {
  const found = server.contents.find(({ directive: { name, args } }) => name === 'return' && /^4\d\d$/.test(args[0] ?? ''));
  return found && { line: found.directive.line, text: `return ${found.directive.args[0]}` };
}
