import { expect, test } from 'vitest';
import { applySplices } from '../../core/confedit/splice.ts';
import { type FileChange, type OwnedSplice, sha256 } from '../../core/flows/change-set.ts';
import type { Needs } from '../../core/flows/needs.ts';
import { retire } from '../../core/flows/retire.ts';
import { recordAfter, recordDuring, recordWithoutGone } from '../../core/flows/written.ts';
import type { Survey } from '../../core/model/site.ts';
import { NOTHING_WRITTEN, type Written } from '../../core/model/written.ts';
import { fuzzing, generator, pickFrom, type Random } from '../confedit/random.ts';

/** What a lineage did at one place of the file. */
interface Deed {
  readonly lineage: string;
  readonly part?: string;
}

/** A line of the file, and whose it is. */
interface Line {
  text: string;
  /** The server block that it is of. */
  readonly block: number;
  /** Who put the line in, or changed it. */
  by?: Deed | undefined;
  /** What the line said before it was changed. */
  was?: string | undefined;
  /** Who took it out. */
  outBy?: Deed | undefined;
}

const PATH = '/etc/nginx/sites.conf';
const KEY = 'nginx';
const HSTS = ['    add_header Strict-Transport-Security max-age=300 always;'];
const REDIRECT = ['    if ($request_uri !~ ^/[.]well-known/acme-challenge/) {', '        return 301 https://$host$request_uri;', '    }'];
const COMMON = ['    listen 443 ssl;', '    root /srv/www;', '    index index.html;', '    charset utf-8;', '    etag on;', '    access_log off;', ''];
const PROTOCOLS = '    ssl_protocols TLSv1;';

/** Server blocks that are alike but for their names, and perhaps their old certificates. */
function fileOf(random: Random, blocks: number): Line[] {
  const isOwnPair = random(2) === 0;
  return Array.from({ length: blocks }, (_, block) => {
    const inner = [...COMMON.slice(random(3), 4 + random(4)), `    ssl_certificate /old/${isOwnPair ? block : 'same'}.crt;`, PROTOCOLS];
    inner.splice(random(inner.length + 1), 0, `    server_name ${block}.example;`);
    return ['server {', ...inner, '}'].map((text): Line => ({ text, block }));
  }).flat();
}

const isSeen = (line: Line) => line.outBy === undefined;
const textOf = (lines: readonly Line[]) =>
  lines
    .filter(isSeen)
    .map(({ text }) => `${text}\n`)
    .join('');
const bytesOf = (lines: readonly Line[]) => new Uint8Array(Buffer.from(textOf(lines)));
const offsetOf = (lines: readonly Line[], at: number) =>
  lines
    .slice(0, at)
    .filter(isSeen)
    .reduce((sum, { text }) => sum + text.length + 1, 0);

/**
 * What lineages write into blocks of theirs, as one change, where they have not written it yet.
 *
 * @param takesOut - they take lines out, too: where others were put beside it since, such a line may come back on either side of them
 */
function deploy(lines: readonly Line[], lineages: readonly string[], blockOf: (block: number) => string, takesOut: boolean, random: Random) {
  const splices: OwnedSplice[] = [];
  const after: Line[] = [];
  const has = (block: number, texts: readonly string[]) => lines.some((one) => one.block === block && one.text === texts[0]);
  const wanted = new Map<number, { at: number; deed: Deed; texts: readonly string[] }>();
  for (const block of new Set(lines.map((line) => line.block))) {
    const lineage = blockOf(block);
    if (!lineages.includes(lineage)) continue;
    const own = lines.flatMap((line, at) => (line.block === block && isSeen(line) && line.by === undefined ? [at] : [])).slice(1);
    if (own.length < 3) continue;
    if (random(2) === 0 && !has(block, HSTS)) wanted.set(pickFrom(random, own), { at: 0, deed: { lineage, part: 'hsts' }, texts: HSTS });
    if (random(2) === 0 && !has(block, REDIRECT)) wanted.set(own[0] as number, { at: 0, deed: { lineage, part: 'redirect' }, texts: REDIRECT });
  }
  lines.forEach((line, at) => {
    const lineage = blockOf(line.block);
    const offset = offsetOf(lines, at);
    const insertion = wanted.get(at);
    if (insertion !== undefined) {
      const { deed, texts } = insertion;
      splices.push({ offset, delete: 0, insert: `${texts.join('\n')}\n`, ...deed });
      after.push(...texts.map((text) => ({ text, block: line.block, by: deed })));
    }
    const [, old] = /ssl_certificate (\/old\S+);/.exec(line.text) ?? [];
    if (lineages.includes(lineage) && old !== undefined && isSeen(line)) {
      const deed = { lineage };
      const live = `/live/${lineage}/fullchain.pem`;
      splices.push({ offset: offset + line.text.indexOf(old), delete: old.length, insert: live, lineage });
      after.push({ ...line, text: line.text.replace(old, live), was: line.text, by: deed });
    } else if (lineages.includes(lineage) && takesOut && line.text === PROTOCOLS && isSeen(line) && random(3) === 0 && line.by === undefined) {
      splices.push({ offset, delete: line.text.length + 1, insert: '', lineage });
      after.push({ ...line, outBy: { lineage } });
    } else after.push(line);
  });
  return { splices, after };
}

/** Whether the same text stands next to a deed: which of the two goes cannot be seen. */
function hasTwinBeside(lines: readonly Line[], deed: Deed): boolean {
  const seen = lines.filter(isSeen);
  const own = seen.filter(({ by }) => by === deed).map(({ text }) => text);
  const first = seen.findIndex(({ by }) => by === deed);
  const textFrom = (at: number) => seen.slice(Math.max(0, at), at + own.length).map(({ text }) => text);
  return [first - own.length, first + own.length].some((at) => textFrom(at).join() === own.join());
}

/**
 * Somebody changes what is not ours, or takes it out, or writes the same as we do.
 *
 * @param ours - blocks where lineages have written, where the same by somebody else in place of it could not be told from it
 */
function byHand(lines: readonly Line[], ours: ReadonlySet<number>, random: Random): readonly Line[] {
  if (lines.length < 2) return lines;
  const at = 1 + random(lines.length - 1);
  const line = lines[at] as Line;
  const isBesideHidden = [lines[at - 1], line].some((one) => one?.outBy !== undefined);
  const isWithinOurs = line.by !== undefined && line.by === lines[at - 1]?.by;
  const put = (...texts: readonly string[]) =>
    isBesideHidden || isWithinOurs ? lines : [...lines.slice(0, at), ...texts.map((text) => ({ text, block: line.block })), ...lines.slice(at)];
  switch (random(6)) {
    case 0:
      return put(`    # mine ${random(1000)}`);
    case 1:
      return put(...pickFrom(random, ours.has(line.block) ? [[`    add_header X-Mine ${random(1000)};`]] : [HSTS, REDIRECT]));
    case 2: // takes ours out
      if (line.by === undefined) return lines;
      if (line.was !== undefined) return lines.map((one) => (one === line ? { text: '    ssl_certificate /theirs.crt;', block: line.block } : one));
      return hasTwinBeside(lines, line.by) ? lines : lines.filter(({ by }) => by !== line.by);
    case 3: // takes a line of theirs out
      return line.by !== undefined || isBesideHidden || /[{}]/.test(line.text) ? lines : lines.filter((one) => one !== line);
    case 4: // changes one
      return line.by !== undefined || isBesideHidden || /[{}]/.test(line.text)
        ? lines
        : lines.map((one) => (one === line ? { ...line, text: `${line.text} # ${random(1000)}` } : one));
    default: // takes a block out, with what is ours in it
      return random(4) > 0 ? lines : lines.filter(({ block }) => block !== line.block);
  }
}

interface Stretch {
  readonly as: readonly Line[];
  readonly without?: readonly Line[];
  /** Whether to leave it must be told: an undeployment that leaves a path of the lineage is refused anyway. */
  readonly isSeen?: boolean;
}

/** The file with as many deeds as possible undone so that it says `text`, and how many are left; `undefined`: bytes of somebody else were touched. */
function undone(lines: readonly Line[], text: string, isOver: (deed: Deed) => boolean): { readonly lines: readonly Line[]; readonly left: number } | undefined {
  const stretches: Stretch[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as Line;
    const deed = line.outBy ?? line.by;
    if (deed === undefined || !isOver(deed)) stretches.push({ as: [line] });
    else if (line.outBy !== undefined) stretches.push({ as: [line], without: [{ text: line.text, block: line.block }] });
    else if (line.was !== undefined) stretches.push({ as: [line], without: [{ text: line.was, block: line.block }] });
    else {
      let to = at;
      while (lines[to]?.by === deed) to++;
      stretches.push({ as: lines.slice(at, to), without: [], isSeen: true });
      at = to - 1;
    }
  }
  let ways = new Map<number, { readonly left: number; readonly lines: readonly Line[] }>([[0, { left: 0, lines: [] }]]);
  for (const { as, without, isSeen = false } of stretches) {
    const next = new Map<number, { left: number; lines: readonly Line[] }>();
    for (const [at, way] of ways) {
      for (const [some, cost] of [[as, isSeen ? 1 : 0] as const, ...(without === undefined ? [] : [[without, 0] as const])]) {
        const said = textOf(some);
        if (!text.startsWith(said, at)) continue;
        const known = next.get(at + said.length);
        if (known === undefined || known.left > way.left + cost) next.set(at + said.length, { left: way.left + cost, lines: [...way.lines, ...some] });
      }
    }
    ways = next;
  }
  return ways.get(text.length);
}

function surveyOf(lines: readonly Line[]): Survey {
  const bytes = bytesOf(lines);
  return { server: { key: KEY, title: 'nginx', probeable: true }, sites: [], files: [{ path: PATH, bytes, sha256: sha256(bytes) }], faults: [] };
}

function changeOf(before: Uint8Array, splices: readonly OwnedSplice[]): FileChange {
  return { kind: 'edit', path: PATH, before, after: applySplices(before, splices), splices, lineages: [...new Set(splices.map(({ lineage }) => lineage))] };
}

/** Deployments, and whatever else, in random order, then everything taken out; tells what was left where. */
async function play(seed: number, isHuman: boolean) {
  const random = generator(seed);
  const lineages = ['a', 'b', 'c'].slice(0, 1 + random(3));
  const owners = Array.from({ length: 2 + random(4) }, () => pickFrom(random, lineages));
  const original = fileOf(random, owners.length);
  let lines: readonly Line[] = original;
  const records = new Map<string, Written>(lineages.map((name) => [name, NOTHING_WRITTEN]));
  const recordOf = (name: string) => records.get(name) ?? NOTHING_WRITTEN;
  const needs = { store: { liveRoot: '/live', home: '/', names: async () => lineages, written: async (name: string) => recordOf(name) } } as unknown as Needs;
  const ours = new Set<number>();
  let stops = 0;
  let outs = 0;

  /** What the file says then; `undefined` where the run was killed before its end, and the next one has taken the change back. */
  const write = (splices: readonly OwnedSplice[]) => {
    const before = bytesOf(lines);
    const change = changeOf(before, splices);
    const changed = [{ key: KEY, changes: [change] }];
    const isKilled = random(6) === 0;
    for (const name of change.lineages) {
      const during = recordDuring(recordOf(name), name, changed);
      const isSettled = !isHuman || random(6) > 0; // or killed at the very end
      records.set(name, isKilled ? recordWithoutGone(during, PATH, before) : isSettled ? recordAfter(recordOf(name), name, changed) : during);
    }
    return isKilled ? undefined : new TextDecoder().decode(change.after);
  };
  const takeOut = async (name: string, isOver: (part: string | undefined) => boolean): Promise<void> => {
    const { splices, stopped, gone } = await retire(name, recordOf(name), { key: KEY, survey: surveyOf(lines) }, isOver, needs);
    const over = recordOf(name).edits.filter(({ part }) => isOver(part));
    const text = write(splices);
    if (text === undefined) return takeOut(name, isOver);
    stops += stopped.length;
    outs += over.length - stopped.length - gone.length;
    const found = undone(lines, text, (deed) => deed.lineage === name && isOver(deed.part));
    expect(found, `seed ${seed}: ${name} took out what is not its own`).toBeDefined();
    const { left = 0, lines: now = [] } = found ?? {};
    if (!isHuman) expect(left, `seed ${seed}: ${name} leaves something without a word`).toBeLessThanOrEqual(stopped.length + gone.length);
    lines = now;
  };

  for (let turn = 4 + random(8); turn > 0; turn--) {
    const some = lineages.filter(() => random(2) === 0);
    if (random(3) > 0) {
      const { splices, after } = deploy(lines, some, (block) => owners[block] as string, !isHuman, random);
      const text = write(splices);
      if (text === undefined) continue;
      expect(text).toBe(textOf(after));
      lines = after;
      for (const { by, block } of lines) if (by !== undefined) ours.add(block);
    } else {
      const over = pickFrom(random, ['hsts', 'redirect']);
      await takeOut(pickFrom(random, lineages), (part) => part === over);
    }
    if (isHuman) for (let edits = random(4); edits > 0; edits--) lines = byHand(lines, ours, random);
  }
  for (const name of [...lineages].sort(() => random(3) - 1)) await takeOut(name, () => true);
  return { original, lines, stops, outs };
}

test('what lineages wrote into one file comes out again in any order, to the byte', async () => {
  const { seed, rounds } = fuzzing(300);
  for (let round = 0; round < rounds; round++) {
    const { original, lines, stops } = await play(seed * 1_000_003 + round, false);
    expect(stops, `seed ${seed * 1_000_003 + round}`).toBe(0);
    expect(textOf(lines)).toBe(textOf(original));
  }
});

test('whatever somebody else does to the file meanwhile, what is theirs stays, and what cannot be told apart is not touched', async () => {
  const { seed, rounds } = fuzzing(600);
  let [stops, outs] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const played = await play(seed * 2_000_003 + round, true);
    stops += played.stops;
    outs += played.outs;
  }
  expect(stops).toBeLessThan(outs); // else this would show little
});
