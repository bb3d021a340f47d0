import { type CertkitError, fault } from '../errors.ts';

/** What the CA says went wrong (RFC 7807, RFC 8555 section 6.7). */
export interface Problem {
  /** A URN such as `urn:ietf:params:acme:error:rateLimited`. */
  readonly type: string;
  readonly detail: string;
  readonly status: number;
  readonly subproblems: readonly Subproblem[];
}

/** RFC 8555 section 6.7.1. */
export interface Subproblem {
  readonly type: string;
  readonly detail: string;
  /** The name it is about, as the CA wrote it. */
  readonly identifier?: string;
}

const ACME_ERROR = 'urn:ietf:params:acme:error:';
const MAX_DETAIL_CHARS = 2_000;
const MAX_SUBPROBLEMS = 100; // as many as an order may have names at the large CAs

/** Whether the problem is of one of RFC 8555's types. */
export function isProblem(problem: Problem | undefined, type: string): boolean {
  return problem?.type === `${ACME_ERROR}${type}`;
}

/** Reads a problem document; `undefined` when it is none. */
export function parseProblem(value: unknown, status: number): Problem | undefined {
  if (!isRecord(value)) return undefined;
  const { type, title, detail, subproblems } = value;
  if (typeof type !== 'string' && typeof detail !== 'string') return undefined;
  return {
    type: typeof type === 'string' ? printable(type) : 'about:blank', // RFC 7807 section 3.1
    detail: printable([detail, title].find((text) => typeof text === 'string') ?? 'no detail given'),
    status: typeof value.status === 'number' ? value.status : status,
    subproblems: Array.isArray(subproblems) ? subproblems.slice(0, MAX_SUBPROBLEMS).flatMap(parseSubproblem) : [],
  };
}

function parseSubproblem(value: unknown): Subproblem[] {
  const problem = parseProblem(value, 0);
  if (problem === undefined || !isRecord(value)) return [];
  const { type, detail } = problem;
  const { identifier } = value;
  const name = isRecord(identifier) && typeof identifier.value === 'string' ? printable(identifier.value) : undefined;
  return [name === undefined ? { type, detail } : { type, detail, identifier: name }];
}

export function subproblemText({ type, detail, identifier }: Subproblem): string {
  return `${identifier === undefined ? '' : `${identifier}: `}${detail} (${type})`;
}

/** On one line, without the control characters that could write to somebody's terminal. */
function printable(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return clean.length > MAX_DETAIL_CHARS ? `${clean.slice(0, MAX_DETAIL_CHARS)}...` : clean;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A reply that says no, as it came; the cause of the catalogued error that it becomes. */
export class Refusal extends Error {
  readonly url: string;
  readonly status: number;
  readonly problem: Problem | undefined;
  /** When the CA wants to be asked again, in milliseconds since the epoch, where it said so. */
  readonly retryAtMs: number | undefined;

  constructor(at: { readonly url: string; readonly status: number; readonly problem: Problem | undefined; readonly retryAtMs: number | undefined }) {
    super(at.problem?.detail ?? `HTTP ${at.status}`);
    this.name = 'Refusal';
    this.url = at.url;
    this.status = at.status;
    this.problem = at.problem;
    this.retryAtMs = at.retryAtMs;
  }
}

/** The request was not answered; the cause of ACME_UNREACHABLE. */
export class Silence extends Error {
  readonly url: string;
  /** Asking again soon would end the same way. */
  readonly lasting: boolean;

  constructor(at: { readonly url: string; readonly because: string; readonly lasting: boolean }, cause?: unknown) {
    super(at.because, { cause });
    this.name = 'Silence';
    this.url = at.url;
    this.lasting = at.lasting;
  }
}

/** What was refused or not answered, as people read it. */
export function faultOf(trouble: Refusal | Silence): CertkitError {
  if (trouble instanceof Silence) return fault('ACME_UNREACHABLE', { url: trouble.url, because: trouble.message }, trouble);

  const { url, status, problem, retryAtMs } = trouble;
  const limited = status === 429 || isProblem(problem, 'rateLimited') || (status === 503 && retryAtMs !== undefined);
  if (limited) {
    const until = retryAtMs === undefined ? 'a later time, which it did not name' : new Date(retryAtMs).toISOString();
    const detail = problem?.detail ?? `HTTP ${status} from ${url}`;
    return fault('ACME_RATE_LIMITED', { detail, until, ...(retryAtMs === undefined ? {} : { retryAtMs }) }, trouble);
  }
  if (problem === undefined) return fault('ACME_BAD_REPLY', { url, because: `HTTP ${status} without a word of why` }, trouble);
  return fault('ACME_PROBLEM', { url, type: problem.type, detail: problem.detail, status, subproblems: problem.subproblems.map(subproblemText) }, trouble);
}
