import type { HttpServer, Statement } from 'certkit/confedit/nginx';
import type { PairPaths, SurveyFault } from 'certkit/plugin';
import { whyAloof } from './aloof.ts';
import { certificateStatement, type FileEdit, insertAfter, keyStatement, pairStatements, remove, replaceValue } from './edits.ts';
import { matchPairs } from './match-pairs.ts';
import { listed, namesOutside, withNames } from './names.ts';
import { insertBehindNames, ownDirectives } from './own-directives.ts';
import { holderOf, type PairInForce, pairsInForce, whereIs } from './pairs.ts';
import { whyNotInPlace } from './shared-use.ts';
import type { NginxFacts } from './survey.ts';
import { refuse, refuseDrift, type Verdict, type Wanted } from './verdict.ts';

/** What makes the lineage's pairs the ones in force for a block that speaks TLS already, by the least change. */
export function secureServer(server: HttpServer, { lineage, liveRoot }: Wanted, facts: NginxFacts): Verdict {
  const { servers, instance, certificates } = facts;
  const where = whereIs(server);
  const aloof = whyAloof(server, servers);
  if (aloof !== undefined) return refuse('unsupported', aloof.because, aloof.hint);

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
  const needsOwn = whyNotInPlace(inherited, server, lineage, facts) !== undefined;
  const inPlace = replaced.filter(({ old: { certificate } }) => !needsOwn || certificate.level === 'server');
  const holder = inPlace.map(({ old }) => holderOf(old, liveRoot)).find((name) => name !== undefined && name !== lineage.lineage);
  if (holder !== undefined)
    return refuse(
      'held',
      `the block at ${where} has the certificate of lineage ${holder}`,
      `Give its names to one lineage: remove them from ${holder}, or from ${lineage.lineage}.`,
    );
  if (needsOwn) return inBlock(() => ownDirectives(server, pairs, match, orphans), notes);
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
