import { blocksAround, directiveAt, type HttpServer, type Occurrence, type Placed } from 'certkit/confedit/nginx';
import type { LineageRequest } from 'certkit/plugin';
import { listed, namesOutside } from './names.ts';
import { whereIs } from './pairs.ts';
import { type NginxFacts, speaksTls } from './survey.ts';

/** Why directives cannot be changed where they stand, for whom else they are, and what the lineage's own would stand in place of. */
export interface SharedUse {
  readonly because: string;
  readonly governed: readonly HttpServer[];
  readonly instead: string;
}

export function whyNotInPlace(touched: readonly Occurrence[], server: HttpServer, lineage: LineageRequest, facts: NginxFacts): SharedUse | undefined {
  for (const occurrence of touched) {
    const hasTls = (one: HttpServer) => facts.servers.addressesOf(one).some((address) => speaksTls(facts, address, one));
    // Beside a block that is to get TLS, others that may get it later are concerned as well.
    const governed = occurrence.governs.filter(hasTls(server) ? hasTls : (one) => one !== server);
    const outside = namesOutside(governed, lineage);
    const elsewhere = useElsewhere(occurrence, facts);
    if (outside.length === 0 && elsewhere === undefined) continue;
    const also = elsewhere ?? `${listed(outside)}, which lineage ${lineage.lineage} is not for`;
    return {
      because: `${occurrence.directive.name} at ${whereIs(occurrence)} also governs ${also}`,
      governed: elsewhere === undefined ? governed : [],
      instead: insteadOf(occurrence, server),
    };
  }
  return undefined;
}

/** Both pairs would be loaded if an include stayed beside one in the block. */
function insteadOf({ included, file, instance }: Occurrence, server: HttpServer): string {
  let { origin } = instance;
  while (origin !== undefined && origin.instance !== server.place.instance) origin = origin.instance.origin;
  if (!included || origin === undefined) return 'in place of what is there now';
  const { line } = directiveAt(origin.instance.file.tree, origin.index);
  return `in place of the include at ${origin.instance.file.path}:${line}, together with whatever else ${file} has for it`;
}

/** The same file may be included where no web site is: in `stream`, in `mail`. */
function useElsewhere(occurrence: Placed, { servers }: NginxFacts): string | undefined {
  const seen = new Set<string>();
  const stack = [servers.graph.main];
  for (let instance = stack.pop(); instance !== undefined; instance = stack.pop()) {
    stack.push(...[...instance.includes.values()].flat());
    if (instance.file.realPath !== occurrence.instance.file.realPath) continue;
    seen.add(blocksAround({ instance, index: occurrence.index })[0]?.directive.name ?? 'the top of the configuration');
  }
  seen.delete('http');
  const [other] = seen;
  return other === undefined ? undefined : `a place in ${other}`;
}
