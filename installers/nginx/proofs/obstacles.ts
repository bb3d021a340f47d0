import { contentsOf, type Placed } from 'certkit/confedit/nginx';
import { holds, type Variables } from '../enhancements/rewriting.ts';
import { quoted } from './quoted.ts';

/** The directives of the blocks around a request, outermost first: http, server, locations. */
export type Levels = readonly (readonly Placed[])[];

/** Instead of a file: another server, a module. nginx does not inherit them. */
const CONTENT = /_pass$|^content_by_lua|^(?:js_content|perl|empty_gif|stub_status|echo)$/;
const LUA = /^(?:server_rewrite|rewrite|access)_by_lua/;
const DOORS = ['auth_basic', 'auth_request', 'auth_jwt'];

/** Why a request that has come to a block is not answered with a file there. */
export function obstacleIn(levels: Levels, variables: Variables): string | undefined {
  const own = levels.at(-1) ?? [];
  return fromInside(levels) ?? insteadOfFile(own, variables) ?? lua(levels) ?? closedDoor(levels) ?? denial(levels);
}

/** The innermost that has any; what is further out counts where nothing further in is said. */
export function inForceAmong(levels: Levels, isMeant: (name: string) => boolean): readonly Placed[] {
  for (const level of [...levels].reverse()) {
    const found = level.filter(({ directive }) => isMeant(directive.name));
    if (found.length > 0) return found;
  }
  return [];
}

function fromInside(levels: Levels): string | undefined {
  const [internal] = inForceAmong(levels, (name) => name === 'internal');
  return internal && `${quoted(internal)} keeps requests from outside away`;
}

function insteadOfFile(own: readonly Placed[], variables: Variables): string | undefined {
  const inIfs = own.filter((place) => place.directive.name === 'if' && holds(place.directive.args, variables) === true);
  const content = [...own, ...inIfs.flatMap(({ instance, index }) => contentsOf(instance, index))].find(({ directive }) => CONTENT.test(directive.name));
  if (content !== undefined) return `${quoted(content)} answers, and not a file`;
  const [moved] = inIfs.filter(({ instance, index }) => contentsOf(instance, index).some(({ directive }) => /^(?:root|alias)$/.test(directive.name)));
  return moved && `${quoted(moved)} has a directory of its own`;
}

function lua(levels: Levels): string | undefined {
  const [script] = inForceAmong(levels, (name) => LUA.test(name));
  return script && `what ${quoted(script)} does is for Lua to say`;
}

function closedDoor(levels: Levels): string | undefined {
  for (const door of DOORS) {
    const inForce = inForceAmong(levels, (name) => name === door).at(-1);
    if (inForce !== undefined && inForce.directive.args[0] !== 'off') return `${quoted(inForce)} asks for more than a CA gives`;
  }
  return undefined;
}

/** The first rule that concerns everybody counts for a CA: its addresses are nobody's to know. */
function denial(levels: Levels): string | undefined {
  const rules = inForceAmong(levels, (name) => name === 'allow' || name === 'deny');
  const forAll = rules.find(({ directive: { args } }) => args[0] === 'all' || args[0] === '0.0.0.0/0');
  return forAll?.directive.name === 'deny' ? `${quoted(forAll)} keeps the CA out` : undefined;
}
