import { blocksAround, directiveAt, type HttpServer, type Occurrence, type Placed, type Statement } from 'certkit/confedit/nginx';
import type { LineageRequest, PairPaths, SurveyFault } from 'certkit/plugin';
import { certificateStatement, type FileEdit, insertAfter, keyStatement, pairStatements, remove, replaceValue } from './edits.ts';
import { matchPairs } from './match-pairs.ts';
import { listed, namesMissing, namesOutside } from './names.ts';
import { insertBehindNames, ownDirectives } from './own-directives.ts';
import { holderOf, type PairInForce, pairsInForce, whereIs } from './pairs.ts';
import { addressesOfServer, type NginxFacts, speaksTls } from './survey.ts';
import { refuse, refuseDrift, type Verdict, type Wanted } from './verdict.ts';

/** What makes the lineage's pairs the ones in force for a block that speaks TLS already, by the least change. */
export function secureServer(server: HttpServer, { lineage, liveRoot }: Wanted, facts: NginxFacts): Verdict {
  const { servers, instance, certificates } = facts;
  const where = whereIs(server);
  const aloof = whyLeftAlone(server, facts);
  if (aloof !== undefined) return aloof;

  const found = pairsInForce(servers, server, instance.conf);
  if (!found.ok) return refuse('unsupported', found.because, 'Give the block paths of files, or leave it to what fills it now.');
  const { pairs } = found;
  const keep = lineage.structure === 'keep';
  const inBlock = (edits: () => readonly FileEdit[], notes: readonly string[] = []) => {
    if (keep) return refuseDrift(`the block at ${where} needs directives of its own for the pair`, lineage.lineage);
    const outside = namesOutside([server], lineage);
    if (outside.length === 0) return verdict(edits(), notes);
    const because = `a pair of its own in the block at ${where} would also be for ${listed(outside)}, which lineage ${lineage.lineage} is not for`;
    return refuse('unsupported', because, withNames([server], lineage, byHand(server, lineage.pairs, 'behind its server_name')));
  };
  if (pairs.length === 0) return inBlock(() => [insertPairs(server, lineage.pairs)]);

  const match = matchPairs(pairs, lineage.pairs, ({ certificatePath }) => certificates.get(certificatePath)?.keyType);
  if (match === undefined) {
    return refuse(
      'unreadable',
      `${where} has ${pairs.length} pairs, and their key types cannot be read from ${pairs.map(({ certificatePath }) => certificatePath).join(' and ')}`,
      'Make the files readable, or leave one pair in the block.',
    );
  }
  const { replaced, added, left } = match;
  const orphans = left.filter((pair) => holderOf(pair, liveRoot) === lineage.lineage);
  const others = left.filter((pair) => !orphans.includes(pair));
  const notes = others.map((pair) => noteOn(pair, server));
  if (replaced.length + added.length + orphans.length === 0) return verdict([], notes);

  const touched = [...replaced.map(({ old }) => old), ...orphans, ...(added.length > 0 ? pairs.slice(-1) : [])].flatMap(({ certificate, key }) => [
    certificate,
    key,
  ]);
  const trouble = whyNotInPlace(
    touched.filter(({ level }) => level === 'server'),
    server,
    lineage,
    facts,
  );
  if (trouble !== undefined)
    return refuse('unsupported', trouble.because, withNames(trouble.governed, lineage, byHand(server, lineage.pairs, trouble.instead)));
  const inherited = touched.filter(({ level }) => level === 'http');
  if (whyNotInPlace(inherited, server, lineage, facts) !== undefined) return inBlock(() => ownDirectives(server, pairs, match, orphans), notes);

  const holder = replaced.map(({ old }) => holderOf(old, liveRoot)).find((name) => name !== undefined && name !== lineage.lineage);
  if (holder !== undefined)
    return refuse(
      'held',
      `the block at ${where} has the certificate of lineage ${holder}`,
      `Give its names to one lineage: remove them from ${holder}, or from ${lineage.lineage}.`,
    );
  if (keep && added.length + orphans.length > 0)
    return refuseDrift(`the block at ${where} needs ${added.length > 0 ? 'one more pair' : 'one pair less'}`, lineage.lineage);

  const edits = [
    ...replaced.flatMap(({ old, by }) => [replaceValue(old.certificate, by.fullchain), replaceValue(old.key, by.key)]),
    ...orphans.flatMap(({ certificate, key }) => [remove(certificate), remove(key)]),
    ...addPairs(pairs.at(-1) as PairInForce, added),
  ];
  return verdict(edits, notes);

  function noteOn({ certificatePath }: PairInForce, { file, line }: HttpServer): string {
    const known = certificates.get(certificatePath);
    const expiry =
      known === undefined ? 'cannot be read' : `is ${known.keyType ?? 'of another type'} and expires ${new Date(known.notAfterMs).toISOString().slice(0, 10)}`;
    return `${file}:${line} has a second pair that stays: ${certificatePath} ${expiry}`;
  }
}

/** Faults that may hide what is in force inside a block. */
export function faultsInside(server: HttpServer, { servers }: NginxFacts): readonly SurveyFault[] {
  return servers.faultsOf(server).map(({ file, line, message }) => ({ file, line, because: message }));
}

/** The pair in the block itself. */
export function insertPairs(server: HttpServer, pairs: readonly PairPaths[], more: readonly Statement[] = []): FileEdit {
  return insertBehindNames(server, [...more, ...pairStatements(pairs)]);
}

/** What a person may write where certkit must not. */
function byHand(server: HttpServer, pairs: readonly PairPaths[], place: string): string {
  const lines = pairs.flatMap(({ fullchain, key }) => [`    ssl_certificate ${fullchain};`, `    ssl_certificate_key ${key};`]);
  return `By hand, in the block at ${whereIs(server)}, ${place}:\n${lines.join('\n')}`;
}

/** The way out that changes the certificate, where one would do, before the one that changes the configuration. */
function withNames(servers: readonly HttpServer[], lineage: LineageRequest, otherwise: string): string {
  const missing = namesMissing(servers, lineage);
  return missing.length === 0 ? otherwise : `A certificate that is also for ${listed(missing)} would do. ${otherwise}`;
}

/** A block whose certificate is somebody else's affair. */
export function whyLeftAlone(server: HttpServer, { servers }: NginxFacts): Extract<Verdict, { ok: false }> | undefined {
  const where = whereIs(server);
  const acme = ['acme_certificate', 'acme'].flatMap((name) => servers.effective(server, name)).find(({ level }) => level === 'server');
  if (acme !== undefined)
    return refuse(
      'unsupported',
      `the block at ${where} gets its certificate from the server's own ACME module`,
      `Remove "${acme.directive.name}" at ${whereIs(acme)} if certkit is to do it.`,
    );
  if (servers.effective(server, 'ssl_reject_handshake').at(-1)?.directive.args[0] === 'on') {
    return refuse('unsupported', `the block at ${where} rejects every handshake (ssl_reject_handshake)`, 'Give the name a block of its own.');
  }
  return undefined;
}

/** Why directives cannot be changed where they stand, for whom else they are, and what the lineage's own would stand in place of. */
interface Shared {
  readonly because: string;
  readonly governed: readonly HttpServer[];
  readonly instead: string;
}

function whyNotInPlace(touched: readonly Occurrence[], server: HttpServer, lineage: LineageRequest, facts: NginxFacts): Shared | undefined {
  for (const occurrence of touched) {
    const governed = occurrence.governs.filter((one) => addressesOfServer(facts.servers, one).some((address) => speaksTls(facts, address, one)));
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

/** Next to the last pair: as one where its two directives are neighbours, else each behind its own kind. */
function addPairs({ certificate, key }: PairInForce, added: readonly PairPaths[]): readonly FileEdit[] {
  if (added.length === 0) return [];
  const together = certificate.instance === key.instance && certificate.directive.parent === key.directive.parent;
  if (together) return [insertAfter(certificate.index > key.index ? certificate : key, pairStatements(added))];
  return [insertAfter(certificate, added.map(certificateStatement)), insertAfter(key, added.map(keyStatement))];
}

function verdict(edits: readonly FileEdit[], notes: readonly string[]): Verdict {
  return { ok: true, edits, serves: [], notes };
}
