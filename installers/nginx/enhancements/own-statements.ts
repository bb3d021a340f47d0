import { contentsOf, type HttpServer, type Placed, type Position } from 'certkit/confedit/nginx';

/** The directives that stand in the block itself, not in a file that it includes. */
export function ownStatements({ place, contents }: HttpServer): readonly Placed[] {
  return contents.filter(({ instance, directive }) => instance === place.instance && directive.parent === place.index);
}

/** Behind the certificate, or where it would be put. */
export function behindPair(server: HttpServer): Position {
  const own = ownStatements(server);
  const pair = own.findLast(({ directive: { name } }) => name === 'ssl_certificate' || name === 'ssl_certificate_key');
  const behind = pair ?? own.findLast(({ directive: { name } }) => name === 'listen' || name === 'server_name');
  return behind === undefined ? 'first' : { after: behind.index };
}

/** Every block within a block, includes followed. */
export function blocksWithin({ place }: HttpServer): readonly Placed[] {
  const found: Placed[] = [];
  const stack: Placed[] = [place];
  for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
    const inner = contentsOf(block.instance, block.index).filter(({ directive }) => directive.block !== undefined && !directive.block.raw);
    found.push(...inner);
    stack.push(...inner.reverse());
  }
  return found;
}

/** All that stands in the block and in blocks within it. */
export function contentsWithin(server: HttpServer): readonly Placed[] {
  return [server.contents, ...blocksWithin(server).map(({ instance, index }) => contentsOf(instance, index))].flat();
}

export function whereStands({ instance, directive }: Placed): string {
  return `${instance.file.path}:${directive.line}`;
}
