import { type HttpServer, placeKey } from 'certkit/confedit/nginx';
import type { ChangePlan, DeployRequest, LineageRequest, Note, PlannedSplice, Refusal, Serving, Survey } from 'certkit/plugin';
import { addTls } from './add-tls.ts';
import { type FileEdit, spliceEdits } from './edits.ts';
import { listed, namesOutside, nearestBlocks } from './names.ts';
import { whereIs } from './pairs.ts';
import { type Placement, placeNames } from './placement.ts';
import { faultsInside, secureServer } from './secure-server.ts';
import { endpointOf, type NginxFacts, type NginxSurvey } from './survey.ts';
import { refuse, type Verdict, type Wanted } from './verdict.ts';

/** What one lineage takes, whole: a refusal of one name is a refusal of all. */
interface LineagePlan {
  readonly splices: readonly PlannedSplice[];
  readonly serves: readonly Serving[];
  readonly refusals: readonly Refusal[];
  readonly notes: readonly Note[];
}

/**
 * The least change that makes nginx serve each lineage's pairs for its names: at each address with TLS, in the block
 * that nginx chooses for the name there.
 */
export function planDeployment(request: DeployRequest, survey: Survey, tlsPort: number): ChangePlan {
  const { nginx, files } = survey as NginxSurvey;
  const claims = new Map<string, string>();
  const plans = request.lineages.map((lineage) => planLineage({ lineage, liveRoot: request.liveRoot }, { ...nginx, files }, tlsPort, claims));
  return {
    splices: plans.flatMap(({ splices }) => splices),
    files: [],
    commands: [],
    serves: plans.flatMap(({ serves }) => serves),
    refusals: plans.flatMap(({ refusals }) => refusals),
    notes: plans.flatMap(({ notes }) => notes),
  };
}

type Facts = NginxFacts & Pick<Survey, 'files'>;

/** @param claims - by block, the lineage of this plan that changes it; two of them would not notice each other's insertions */
function planLineage(wanted: Wanted, facts: Facts, tlsPort: number, claims: Map<string, string>): LineagePlan {
  const { lineage } = wanted;
  const placements = placeNames(wanted, facts);
  const blocks = blocksOf(placements);
  const verdicts: Verdict[] = [
    ...placements.map((placement) => verdictOn(placement, facts)),
    ...[...blocks].map(([server, { kind, names }]) => (kind === 'tls' ? secureServer(server, wanted, facts) : addTls(server, names, wanted, tlsPort, facts))),
    ...claimed(blocks, lineage, claims),
  ];
  const edits = verdicts.flatMap((verdict) => (verdict.ok ? verdict.edits : []));
  const refused = verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict.refusal]));
  // Where everything stands as it should, files that cannot be read are nobody's concern: the link alone is switched.
  const isSure = edits.length === 0 && !refused.some(({ kind }) => kind === 'no-site');
  const hidden = isSure ? [] : hiddenBy(placements, [...blocks.keys()], facts);
  const refusals = [...hidden, ...refused.filter(({ kind }) => kind !== 'no-site' || hidden.length === 0)];
  const spliced = refusals.length > 0 ? undefined : spliceEdits(edits, facts.servers.graph.files, facts.files, lineage.lineage);
  if (spliced?.ok === false) refusals.push(refuse('unsupported', spliced.because, 'Nothing of it is changed. Please report it with the file.').refusal);
  if (refusals.length > 0)
    return { splices: [], serves: [], refusals: unique(refusals).map((refusal) => ({ lineage: lineage.lineage, ...refusal })), notes: [] };

  claim(edits, blocks, lineage, claims);
  const serves = [...placements.flatMap(servesOf), ...verdicts.flatMap((verdict) => (verdict.ok ? verdict.serves : []))];
  const notes = unique([...verdicts.flatMap((verdict) => (verdict.ok ? verdict.notes : [])), ...notesOn(blocks, wanted, facts)]);
  return {
    splices: spliced?.ok === true ? spliced.splices : [],
    serves: unique(serves).map((serving) => ({ lineage: lineage.lineage, ...serving })),
    refusals: [],
    notes: notes.map((text) => ({ lineage: lineage.lineage, text })),
  };
}

type Blocks = ReadonlyMap<HttpServer, { readonly kind: 'tls' | 'plain'; readonly names: readonly string[] }>;

function blocksOf(placements: readonly Placement[]): Blocks {
  const blocks = new Map<HttpServer, { kind: 'tls' | 'plain'; names: string[] }>();
  for (const placement of placements) {
    if (placement.kind !== 'tls' && placement.kind !== 'plain') continue;
    for (const { server } of placement.at) {
      const block = blocks.get(server) ?? { kind: placement.kind, names: [] };
      if (!block.names.includes(placement.name)) block.names.push(placement.name);
      blocks.set(server, block);
    }
  }
  return blocks;
}

function verdictOn(placement: Placement, { servers }: NginxFacts): Verdict {
  const { name } = placement;
  if (placement.kind === 'unknown')
    return refuse(
      'unsupported',
      `which block answers ${name} cannot be told: ${placement.because}`,
      'Add the name to the server_name of the block that is meant.',
    );
  if (placement.kind === 'none') {
    const blocks = nearestBlocks(servers.servers, name);
    return refuse(
      'no-site',
      `no server block is for ${name}`,
      `Blocks that are there: ${blocks}. Add the name to the server_name of one, write a block for it, or list the names to serve here with "serve".`,
    );
  }
  return { ok: true, edits: [], serves: [], notes: [] };
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
