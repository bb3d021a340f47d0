import { contentsOf, type Location, locationsOf, type Placed, translatePcre } from 'certkit/confedit/nginx';

/** Where nginx goes with a path. */
export interface Located {
  /** The location it ends in, last, and those around that one; none where the server block itself is the end. */
  readonly chain: readonly Location[];
  /** Patterns that it would have tried before, and that cannot be read here. */
  readonly unread: readonly Location[];
}

/** As nginx chooses in a block: exact, then what is in the longest prefix, then patterns unless that prefix forbids them, then the prefix. */
export function locationFor(path: string, block: { readonly contents: readonly Placed[] }): Located {
  const { chain, unread } = find(path, block);
  return { chain, unread };
}

interface Found extends Located {
  /** Not a prefix only, that a pattern further out may go before. */
  readonly isSettled: boolean;
}

// ngx_http_core_find_location
function find(path: string, block: { readonly contents: readonly Placed[] }): Found {
  const locations = locationsOf(block);
  const exact = locations.find((one) => one.modifier === '=' && one.path === path);
  if (exact !== undefined) return { chain: [exact], unread: [], isSettled: true };

  const prefixes = locations.filter(({ modifier, path: prefix }) => (modifier === '' || modifier === '^~') && path.startsWith(prefix));
  const [longest] = prefixes.sort((a, b) => b.path.length - a.path.length);
  const inside = longest === undefined ? NOWHERE : within(longest, path);
  if (inside.isSettled || longest?.modifier === '^~') return inside;

  const unread = [...inside.unread];
  for (const location of locations.filter(({ modifier }) => modifier === '~' || modifier === '~*')) {
    const pattern = translatePcre(location.path, location.modifier === '~*');
    if (pattern === undefined) unread.push(location);
    if (pattern?.test(path) !== true) continue;
    const found = within(location, path);
    return { chain: found.chain, unread: [...unread, ...found.unread], isSettled: true };
  }
  return { ...inside, unread };
}

const NOWHERE: Found = { chain: [], unread: [], isSettled: false };

function within(location: Location, path: string): Found {
  const found = find(path, { contents: contentsOf(location.place.instance, location.place.index) });
  return { ...found, chain: [location, ...found.chain] };
}
