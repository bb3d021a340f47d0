import { fingerprint } from '../model/fingerprint.ts';
import type { Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import type { Version } from '../model/version.ts';
import type { Files } from '../ports.ts';
import type { RememberedHeartbeat } from './heartbeat-file.ts';
import type { Stamp } from './stamp.ts';

const FORMAT = 3;

/** What is known of a lineage's versions. */
export interface VersionFacts {
  readonly versionCount: number;
  readonly newest?: Version;
  readonly live?: Version;
}

export interface IndexedLineage {
  readonly file: Stamp;
  readonly lineage: Lineage;
  readonly archive: Stamp;
  readonly versions: VersionFacts;
  readonly stateFile: Stamp;
  readonly state: LineageState;
}

/** What was read of all lineages, by stamps that tell whether it still holds. */
export interface Index {
  readonly settings: Stamp;
  /** Of certkit.yaml; absent where it has to be read. */
  readonly heartbeat?: RememberedHeartbeat;
  readonly liveLinks: Stamp;
  readonly lineages: Readonly<Record<string, IndexedLineage>>;
}

/**
 * Two lines: a header with format and fingerprint, and the index as the model's own JSON. The fingerprint stands in for looking at
 * ten thousand entries again: what this format wrote and nobody touched needs no second judgement. Anything else is no index.
 */
export async function readIndex(files: Files, path: string): Promise<{ readonly index: Index; readonly writtenAtMs: number } | undefined> {
  const [facts, bytes] = await Promise.all([files.facts(path), files.read(path)]);
  if (facts === undefined || bytes === undefined) return undefined;
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headEnd = content.indexOf('\n');
  const body = content.subarray(headEnd + 1);
  if (content.subarray(0, Math.max(0, headEnd)).toString('latin1') !== header(body)) return undefined;
  return { index: JSON.parse(body.toString('utf8')) as Index, writtenAtMs: facts.modifiedMs };
}

export async function writeIndex(files: Files, path: string, index: Index): Promise<void> {
  const body = Buffer.from(JSON.stringify(index));
  await files.write(path, Buffer.concat([Buffer.from(`${header(body)}\n`), body]), { mode: 0o600 });
}

function header(body: Uint8Array): string {
  return JSON.stringify({ format: FORMAT, fnv1a: fingerprint(body) });
}
