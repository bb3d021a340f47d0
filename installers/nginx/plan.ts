import { type HttpServer, placeKey } from 'certkit/confedit/nginx';
import type { ChangePlan, DeployRequest, LineageRequest, Note, PlacedFile, PlannedSplice, Refusal, Serving, Survey } from 'certkit/plugin';
import { addTls } from './add-tls.ts';
import { turningAway } from './catch-all.ts';
import { generatedAmong, managedAmong } from './edited-files.ts';
import { type FileEdit, spliceEdits } from './edits.ts';
import { type EnhancementOptions, planEnhancements } from './enhancements.ts';
import { listed, namesOutside, nearestBlocks } from './names.ts';
import { notesOnDefaults } from './new-address.ts';
import { pairsInForce, whereIs } from './pairs.ts';
import { type Placed, type Placement, placeNames } from './placement.ts';
import { faultsInside, secureServer } from './secure-server.ts';
import { notesOnStapling } from './stapling.ts';
import { endpointOf, type NginxFacts, type NginxSurvey } from './survey.ts';
import { type Refused, refuse, type Verdict, type Wanted } from './verdict.ts';

/** What one lineage takes, whole: a refusal of one name is a refusal of all. */
interface LineagePlan {
  readonly splices: readonly PlannedSplice[];
  readonly files: readonly PlacedFile[];
  readonly serves: readonly Serving[];
  readonly refusals: readonly Refusal[];
  readonly notes: readonly Note[];
  readonly parts: NonNullable<ChangePlan['parts']>;
}

/**
 * The least change that makes nginx serve each lineage's pairs for its names: at each address with TLS, in the block
 * that nginx chooses for the name there; and what the options want beside the certificate.
 */
export function planDeployment(request: DeployRequest, survey: Survey, options: EnhancementOptions): ChangePlan {
  const { nginx, files } = survey as NginxSurvey;
  const claims = new Map<string, string>();
  const plans = request.lineages.map((lineage) => planLineage({ lineage, liveRoot: request.liveRoot }, { ...nginx, files }, options, claims));
  const serves = plans.flatMap((plan) => plan.serves);
  return {
    splices: plans.flatMap(({ splices }) => splices),
    files: plans.flatMap((plan) => plan.files),
    commands: [],
    serves,
    refusals: plans.flatMap(({ refusals }) => refusals),
    notes: [...plans.flatMap(({ notes }) => notes), ...unique(notesOnDefaults(serves, claims, nginx))],
    parts: plans.flatMap(({ parts }) => parts),
  };
}

type Facts = NginxFacts & Pick<Survey, 'files'>;

/** @param claims - by block, the lineage of this plan that changes it; two of them would not notice each other's insertions */
function planLineage(wanted: Wanted, facts: Facts, options: EnhancementOptions, claims: Map<string, string>): LineagePlan {
  const { lineage } = wanted;
  const placements = placeNames(wanted, options.tlsPort, facts);
  const blocks = blocksOf(placements);
  const taken = [...blocks].map(([server, block]) => verdictAt(server, block, wanted, options, facts));
  const verdicts = [...unanswered(placements, facts), ...taken, ...claimed(blocks, lineage, claims)];
  const own = verdicts.flatMap((verdict) => (verdict.ok ? verdict.edits : []));
  const refused = verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict.refusal]));
  // Where everything stands as it should, files that cannot be read are nobody's concern: the link alone is switched.
  const isSure = own.length === 0 && !refused.some(({ kind }) => kind === 'no-site');
  const hidden = isSure ? [] : hiddenBy(placements, [...blocks.keys()], facts);
  const certificate = [...hidden, ...refused.filter(({ kind }) => kind !== 'no-site' || hidden.length === 0)];
  if (certificate.length > 0) return refusing(certificate, lineage);

  const enhanced = planEnhancements(
    [...blocks].map(([server, { kind, names }]) => ({ server, names, becomesTls: kind === 'plain' })),
    wanted,
    facts,
    options,
  );
  const edits = [...own, ...enhanced.edits];
  const refusals = [...enhanced.refusals, ...generatedAmong(edits)];
  if (refusals.length > 0) return refusing(refusals, lineage);
  const spliced = spliceEdits(edits, facts.servers.graph.files, facts.files, lineage.lineage);
  if (!spliced.ok) return refusing([refuse('unsupported', spliced.because, 'Nothing of it is changed. Please report it with the file.').refusal], lineage);

  claim(own, blocks, lineage, claims);
  const serves = [...placements.flatMap(servesOf), ...verdicts.flatMap((verdict) => (verdict.ok ? verdict.serves : []))];
  const notes = [
    ...verdicts.flatMap((verdict) => (verdict.ok ? verdict.notes : [])),
    ...notesOn(blocks, wanted, facts),
    ...enhanced.notes,
    ...managedAmong(edits),
  ];
  const tag = <T>(item: T) => ({ lineage: lineage.lineage, ...item });
  return {
    splices: spliced.splices,
    files: enhanced.files.map(tag),
    serves: unique(serves).map(tag),
    refusals: [],
    notes: unique(notes).map((text) => tag({ text })),
    parts: enhanced.parts.map((part) => tag({ part })),
  };
}

function refusing(refusals: readonly Omit<Refusal, 'lineage'>[], { lineage }: LineageRequest): LineagePlan {
  return { splices: [], files: [], serves: [], refusals: unique(refusals).map((refusal) => ({ lineage, ...refusal })), notes: [], parts: [] };
}

/** What a lineage has at one block. */
type Block = Pick<Placed, 'kind' | 'by'> & { readonly names: readonly string[]; readonly addresses: readonly string[] };
type Blocks = ReadonlyMap<HttpServer, Block>;

function blocksOf(placements: readonly Placement[]): Blocks {
  const blocks = new Map<HttpServer, Block & { readonly names: string[]; readonly addresses: string[] }>();
  for (const placement of placements) {
    if (placement.kind !== 'tls' && placement.kind !== 'plain') continue;
    for (const { server, address } of placement.at) {
      const block = blocks.get(server) ?? { kind: placement.kind, by: placement.by, names: [], addresses: [] };
      if (!block.names.includes(placement.name)) block.names.push(placement.name);
      if (!block.addresses.includes(address.key)) block.addresses.push(address.key);
      blocks.set(server, block);
    }
  }
  return blocks;
}

function verdictAt(server: HttpServer, block: Block, wanted: Wanted, { tlsPort }: EnhancementOptions, facts: Facts): Verdict {
  const { kind, by, names } = block;
  const verdict = kind === 'tls' ? secureServer(server, wanted, facts) : addTls({ server, names, by }, wanted, tlsPort, facts);
  if (!verdict.ok || verdict.edits.length === 0) return verdict;
  const told = { ...verdict, notes: [...verdict.notes, ...notesOnStapling(server, wanted, facts), ...notesOnSingles(server, names, wanted, facts)] };
  if (by === 'name') return told;

  const away = turningAway(server);
  if (away !== undefined)
    return refuse(
      'no-site',
      `only the default block at ${whereIs(server)} answers ${names.join(', ')}, and it turns every request away (${away.text}, line ${away.line})`,
      'Write a block for the name.',
    );
  const where = kind === 'tls' ? `at ${listed(block.addresses)}` : 'where it gets TLS';
  return { ...told, notes: [...told.notes, `the default block at ${whereIs(server)} answers every other name ${where} with this certificate too`] };
}

/** A wildcard that has no block of its own goes where single names below it have one, and perhaps a certificate that was bought for them. */
function notesOnSingles(server: HttpServer, names: readonly string[], { lineage }: Wanted, { servers, instance }: NginxFacts): readonly string[] {
  const meant = lineage.serve ?? lineage.identifiers.map(({ value }) => value);
  const singles = names.filter((name) => !meant.includes(name));
  const found = pairsInForce(servers, server, instance.conf);
  if (singles.length === 0 || !found.ok || found.pairs.length === 0) return [];
  const paths = found.pairs.map(({ certificatePath }) => certificatePath);
  return [
    `${listed(singles)} at ${whereIs(server)} gets the certificate of ${lineage.lineage} in place of ${paths.join(' and ')}: if that is not meant, list the names to serve here with --serve`,
  ];
}

/** Names that have no block, told together, and names whose block cannot be told. */
function unanswered(placements: readonly Placement[], { servers }: NginxFacts): readonly Refused[] {
  const unknown = placements.flatMap((placement) => (placement.kind === 'unknown' ? [placement] : []));
  const none = placements.flatMap((placement) => (placement.kind === 'none' ? [placement] : []));
  const refusals = unknown.map(({ name, because }) =>
    refuse('unsupported', `which block answers ${name} cannot be told: ${because}`, 'Add the name to the server_name of the block that is meant.'),
  );
  const byStranger = new Map<HttpServer | undefined, (typeof none)[number][]>();
  for (const placement of none) {
    const stranger = placement.strangers[0]?.server;
    byStranger.set(stranger, [...(byStranger.get(stranger) ?? []), placement]);
  }
  return [...refusals, ...[...byStranger.values()].map((alike) => withoutBlock(alike, servers.servers))];
}

function withoutBlock(placements: readonly Extract<Placement, { kind: 'none' }>[], servers: readonly HttpServer[]): Refused {
  const names = placements.map(({ name }) => name);
  const [stranger] = placements[0]?.strangers ?? [];
  const answered = names.length === 1 ? 'it' : 'them';
  const instead =
    stranger === undefined ? '' : `; at ${stranger.address.key} the default answers ${answered}, which is the site at ${whereIs(stranger.server)}`;
  return refuse(
    'no-site',
    `no server block is for ${listed(names)}${instead}`,
    `Blocks that are there: ${nearestBlocks(servers, names[0] ?? '')}. Add what is missing to the server_name of one, write a block for it, or list the names to serve here with --serve.`,
  );
}

/** Files that could not be read and may hold another block for one of the names, or what is in force in one of the blocks. */
function hiddenBy(placements: readonly Placement[], blocks: readonly HttpServer[], facts: NginxFacts): readonly Omit<Refusal, 'lineage'>[] {
  const { servers, disagreements } = facts;
  const hiding = placements.flatMap(({ name }) => servers.faultsHiding(name).map(({ file, line, message }) => ({ file, line, because: message })));
  return [...hiding, ...blocks.flatMap((server) => faultsInside(server, facts)), ...disagreements].map(({ file, line, because }) => ({
    kind: 'unreadable',
    because: `${line === undefined ? file : `${file}:${line}`}: ${because}`,
    hint: 'The file may hold a block for the name. Mend it, or report it if nginx accepts it.',
  }));
}

/** Names with TLS in place are served wherever nginx chooses their block by name. */
function servesOf(placement: Placement): readonly Omit<Serving, 'lineage'>[] {
  if (placement.kind !== 'tls') return [];
  return placement.at.flatMap(({ address }) => {
    const endpoint = endpointOf(address.at, address.proxyProtocol);
    return endpoint === undefined ? [] : [{ name: placement.name, endpoint, added: false }];
  });
}

function claimed(blocks: Blocks, { lineage }: LineageRequest, claims: ReadonlyMap<string, string>): readonly Verdict[] {
  return [...blocks.keys()].flatMap((server) => {
    const other = claims.get(placeKey(server.place));
    if (other === undefined || other === lineage) return [];
    return [
      refuse(
        'held',
        `the block at ${whereIs(server)} gets the certificate of lineage ${other} by this very plan`,
        `Give its names to one lineage: ${other} or ${lineage}.`,
      ),
    ];
  });
}

function claim(edits: readonly FileEdit[], blocks: Blocks, { lineage }: LineageRequest, claims: Map<string, string>): void {
  if (!edits.some(({ edit }) => edit.change.kind === 'insert')) return;
  for (const server of blocks.keys()) claims.set(placeKey(server.place), lineage);
}

function notesOn(blocks: Blocks, { lineage }: Wanted, { servers }: NginxFacts): readonly string[] {
  return [...blocks].flatMap(([server, { kind }]) => {
    const where = whereIs(server);
    const outside = kind === 'plain' ? namesOutside([server], lineage) : [];
    const lua = ['ssl_certificate_by_lua_block', 'ssl_certificate_by_lua_file', 'ssl_certificate_by_lua'].some(
      (name) => servers.effective(server, name).length > 0,
    );
    return [
      ...(outside.length === 0 ? [] : [`the block at ${where} will answer ${listed(outside)} with TLS too, and the certificate is not for that`]),
      ...(lua ? [`Lua code may give the block at ${where} another certificate than the one in its files`] : []),
    ];
  });
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
