import * as v from 'valibot';
import { CHALLENGE_TYPES } from '../core/model/challenge.ts';
import type { ChangePlan, Survey } from './contract.ts';

// Plugins are plain JavaScript as often as not: what they return is checked before core works with it.
// Members beyond these are theirs; `looseObject` lets them be.

const path = v.pipe(v.string(), v.startsWith('/', 'is not an absolute path'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const line = v.pipe(v.string(), v.nonEmpty());
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex'));
const argv = v.pipe(v.array(v.string()), v.minLength(1));
const keyType = v.optional(v.picklist(['ecdsa', 'rsa']));
const lineage = line;

const endpoint = v.variant('kind', [
  v.looseObject({ kind: v.literal('tcp'), address: line, port: v.pipe(count, v.maxValue(65_535)), proxyProtocol: v.boolean() }),
  v.looseObject({ kind: v.literal('unix'), path, proxyProtocol: v.boolean() }),
]);

const site = v.looseObject({
  id: line,
  file: path,
  line: count,
  names: v.array(v.string()),
  listens: v.array(v.looseObject({ endpoint, tls: v.boolean(), quic: v.boolean() })),
  pairs: v.array(v.looseObject({ certificate: v.string(), key: v.string() })),
  root: v.optional(v.string()),
  aloof: v.optional(line),
});

const survey = v.looseObject({
  server: v.looseObject({
    key: line,
    title: line,
    probeable: v.boolean(),
    reloadCommand: v.optional(v.array(v.string())),
    process: v.optional(v.looseObject({ pid: count, executable: path, argv: v.array(v.string()), cwd: v.string(), foreign: v.optional(v.boolean()) })),
  }),
  sites: v.array(site),
  files: v.array(v.looseObject({ path, sha256, bytes: v.instance(Uint8Array) })),
  faults: v.array(v.looseObject({ file: v.string(), line: v.optional(count), because: line })),
  findings: v.optional(v.array(v.looseObject({ what: line, is: line }))),
  testedInMs: v.optional(v.pipe(v.number(), v.minValue(0))),
});

const beneath = v.pipe(
  v.string(),
  v.check((text) => !text.startsWith('/') && !text.split('/').includes('..'), 'is not a path below another'),
);
const known = { byName: v.boolean(), atPort80: v.boolean() };
const proofsPlace = v.variant('kind', [
  v.looseObject({ kind: v.literal('files'), ...known, at: v.looseObject({ root: path, path: beneath }), site: line }),
  v.looseObject({ kind: v.literal('none'), ...known, because: line }),
]);

const part = v.union([v.strictObject({ text: v.string() }), v.strictObject({ pem: v.picklist(['certificate', 'chain', 'fullchain', 'key']), keyType })]);

const plan = v.strictObject({
  splices: v.array(v.strictObject({ file: path, sha256, offset: count, delete: count, insert: v.string(), lineage, part: v.optional(line) })),
  files: v.array(
    v.strictObject({
      path,
      content: v.array(part),
      mode: v.pipe(count, v.maxValue(0o7777)),
      owner: v.optional(line),
      group: v.optional(line),
      lineage,
      part: v.optional(line),
    }),
  ),
  commands: v.array(v.strictObject({ run: argv, undo: v.optional(argv), lineage })),
  serves: v.array(v.strictObject({ lineage, name: line, endpoint, added: v.boolean() })),
  refusals: v.array(v.strictObject({ lineage, kind: v.picklist(['no-site', 'held', 'drift', 'unsupported', 'unreadable']), because: line, hint: v.string() })),
  notes: v.array(v.strictObject({ lineage, text: v.string() })),
  parts: v.optional(v.array(v.strictObject({ lineage, part: line }))),
});

const assessment = v.variant('able', [
  v.looseObject({
    able: v.literal(true),
    challenges: v.pipe(v.array(v.picklist(CHALLENGE_TYPES)), v.minLength(1)),
    wants: v.optional(v.literal('served-path')),
    wayOut: v.optional(line),
  }),
  v.looseObject({ able: v.literal(false), because: line }),
]);

const receipts = v.array(v.union([v.instance(Error), v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))]));

/** Why a value is no survey, or nothing. */
export function faultOfSurvey(value: unknown): string | undefined {
  return faultOf(survey, 'its survey', value);
}

/** Why a value does not say where the files of proofs are, or nothing. */
export function faultOfProofsPlace(value: unknown): string | undefined {
  return value === undefined ? undefined : faultOf(proofsPlace, 'where it has proofs', value);
}

/** Why a value is no assessment, or nothing. */
export function faultOfAssessment(value: unknown): string | undefined {
  return faultOf(assessment, 'its assessment', value);
}

/** Why a value is no list of one receipt, or error, for each of `count` tasks, or nothing. */
export function faultOfReceipts(value: unknown, count: number): string | undefined {
  const because = faultOf(receipts, 'what it returned', value);
  if (because !== undefined) return because;
  const { length } = value as readonly unknown[];
  return length === count ? undefined : `it returned ${length} receipts for ${count} tasks`;
}

/** Why a value is no change plan for these lineages and this survey, or nothing. */
export function faultOfPlan(value: unknown, lineages: readonly string[], surveyed: Survey): string | undefined {
  const because = faultOf(plan, 'its plan', value);
  if (because !== undefined) return because;

  const { splices, files, commands, serves, refusals, notes, parts = [] } = value as ChangePlan;
  const asked = new Set(lineages);
  const foreign = [...splices, ...files, ...commands, ...serves, ...refusals, ...notes, ...parts].find((each) => !asked.has(each.lineage));
  if (foreign !== undefined) return `it holds something for lineage ${foreign.lineage}, which was not asked for`;

  for (const splice of splices) {
    const file = surveyed.files.find((each) => each.path === splice.file);
    if (file === undefined) return `it changes ${splice.file}, which it did not survey`;
    if (file.sha256 !== splice.sha256) return `it changes ${splice.file} as of other bytes than it surveyed`;
    if (splice.offset + splice.delete > file.bytes.length) return `it changes ${splice.file} beyond its end`;
  }
  const above = files.find((each) => each.path.split('/').includes('..'));
  return above === undefined ? undefined : `it places a file at ${above.path}, which goes up with ".."`;
}

function faultOf(schema: v.GenericSchema, what: string, value: unknown): string | undefined {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return undefined;
  const [issue] = result.issues;
  const at = v.getDotPath(issue);
  return `${what} is malformed${at === null ? '' : ` at ${at}`}: ${issue.message}`;
}
