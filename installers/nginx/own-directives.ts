import { utf8OfLatin1 } from 'certkit/confedit';
import type { HttpServer, Occurrence, Statement } from 'certkit/confedit/nginx';
import { type FileEdit, insertAfter, insertInto, remove, replaceValue } from './edits.ts';
import type { PairMatch } from './match-pairs.ts';
import type { PairInForce } from './pairs.ts';

/** Statements in the block itself, behind its names and listens. */
export function insertBehindNames(server: HttpServer, statements: readonly Statement[]): FileEdit {
  const { place } = server;
  const own = server.contents.filter(({ instance, directive }) => instance === place.instance && directive.parent === place.index);
  const behind = own.findLast(({ directive }) => directive.name === 'listen' || directive.name === 'server_name');
  return insertInto(place, statements, behind === undefined ? 'first' : { after: behind.index });
}

/** One of the two directives of a pair: the one in force, and what it is to say; `undefined` at either end is one that comes or goes. */
interface Turn {
  readonly old: Occurrence | undefined;
  readonly value: string | undefined;
}

/**
 * Gives a block the directives that it inherits now, since those are for others too.
 *
 * nginx inherits certificates and keys apart from each other, all of a kind or none. What the block has itself is edited where
 * it stands; of the kind that it has not, it gets all, those of pairs that stay included.
 *
 * @param pairs - in force, one at least
 * @param orphans - those of them that go
 */
export function ownDirectives(
  server: HttpServer,
  pairs: readonly PairInForce[],
  { replaced, added }: PairMatch,
  orphans: readonly PairInForce[],
): readonly FileEdit[] {
  const turns = (pick: (pair: PairInForce) => Occurrence, valueIn: (by: PairMatch['added'][number]) => string): readonly Turn[] => [
    ...pairs.map((pair) => {
      const by = replaced.find(({ old }) => old === pair)?.by;
      const stays = by === undefined ? utf8OfLatin1(pick(pair).directive.args[0] ?? '') : valueIn(by);
      return { old: pick(pair), value: orphans.includes(pair) ? undefined : stays };
    }),
    ...added.map((by) => ({ old: undefined, value: valueIn(by) })),
  ];
  const certificates = turns(
    ({ certificate }) => certificate,
    ({ fullchain }) => fullchain,
  );
  const keys = turns(
    ({ key }) => key,
    ({ key }) => key,
  );

  const last = pairs.at(-1) as PairInForce;
  const [certificate, key] = [last.certificate, last.key].map((one) => (one.level === 'server' ? one : undefined));
  if (certificate === undefined && key === undefined)
    return [
      insertBehindNames(
        server,
        certificates.flatMap((turn, at) => [...statements('ssl_certificate', [turn]), ...statements('ssl_certificate_key', keys.slice(at, at + 1))]),
      ),
    ];
  if (certificate === undefined)
    return [
      ...inPlace(keys),
      insertAfter(key as Occurrence, [
        ...statements('ssl_certificate', certificates),
        ...statements(
          'ssl_certificate_key',
          keys.filter(({ old }) => old === undefined),
        ),
      ]),
    ];
  return [
    ...inPlace(certificates),
    insertAfter(certificate, [
      ...statements(
        'ssl_certificate',
        certificates.filter(({ old }) => old === undefined),
      ),
      ...statements('ssl_certificate_key', keys),
    ]),
  ];
}

function statements(name: string, turns: readonly Turn[]): readonly Statement[] {
  return turns.flatMap(({ value }) => (value === undefined ? [] : [{ words: [name, value] }]));
}

function inPlace(turns: readonly Turn[]): readonly FileEdit[] {
  return turns.flatMap(({ old, value }) => {
    if (old === undefined || value === utf8OfLatin1(old.directive.args[0] ?? '')) return [];
    return [value === undefined ? remove(old) : replaceValue(old, value)];
  });
}
