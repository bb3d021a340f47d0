import { randomBytes } from 'node:crypto';
import { type ApiQuestion, type ApiReply, type ApiServer, startApiServer } from './api-server.ts';

export interface CloudflareZone {
  readonly name: string;
  readonly account?: string;
  readonly status?: 'active' | 'pending';
}

export interface CloudflareRecord {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** As it was given: with quotes, as the documentation wants it, or without. */
  readonly content: string;
  readonly ttl: number;
}

export interface CloudflareServer extends ApiServer {
  readonly token: string;
  /** The records of the zone that was described at this place. */
  records(index?: number): readonly CloudflareRecord[];
  /** Makes a record as the dashboard would. */
  add(record: Omit<CloudflareRecord, 'id' | 'ttl'>): void;
  /** From now on lists have the records of all names and types, whatever was asked for. */
  forgetFilters(): void;
  /** The next question gets this instead of an answer. */
  next(reply: ApiReply): void;
}

/** Fewer than are asked for, so that lists have pages. */
const MOST_PER_PAGE = 2;

/**
 * As Cloudflare's API v4 is documented: bearer token, envelope with errors, pages, zones by name and account, TXT records whose
 * content is quoted character strings, one record of a content at a name, TTL of 60 to 86,400 seconds or 1.
 */
export async function startCloudflare(zones: readonly CloudflareZone[]): Promise<CloudflareServer> {
  const token = randomBytes(20).toString('hex');
  const held = zones.map(({ name, account = 'a1', status = 'active' }) => ({
    zone: { id: randomBytes(16).toString('hex'), name, status, account: { id: account } },
    records: [] as CloudflareRecord[],
  }));
  const replies: ApiReply[] = [];
  let filters = true;

  const ofZone = (id: string | undefined) => held.find(({ zone }) => zone.id === id);
  const answer = ({ method, url, headers, body }: ApiQuestion): ApiReply => {
    if (headers.authorization !== `Bearer ${token}`) return refusal(403, 9109, 'Invalid access token');
    const [zonesWord, zoneId, recordsWord, recordId] = url.pathname.split('/').slice(1);
    if (zonesWord !== 'zones') return refusal(404, 7000, 'No route for that URI');
    if (zoneId === undefined) {
      const account = url.searchParams.get('account.id');
      const name = url.searchParams.get('name');
      return page(
        url,
        held.map(({ zone }) => zone).filter((zone) => zone.name === name && (account === null || zone.account.id === account)),
      );
    }
    const here = ofZone(zoneId);
    if (here === undefined || recordsWord !== 'dns_records') return refusal(404, 7003, 'Could not route to the zone');
    const wanted = url.searchParams;
    if (method === 'GET')
      return page(
        url,
        here.records.filter(({ type, name }) => !filters || (type === wanted.get('type') && name === wanted.get('name.exact'))),
      );
    if (method === 'DELETE') {
      const index = here.records.findIndex(({ id }) => id === recordId);
      if (index < 0) return refusal(404, 81_044, 'Record does not exist.');
      here.records.splice(index, 1);
      return success({ id: recordId });
    }
    const record = body as Omit<CloudflareRecord, 'id'>;
    if (!/^"(?:[^"\\]|\\.){0,255}"(?: "(?:[^"\\]|\\.){0,255}")*$/.test(record.content)) return refusal(400, 9207, 'Content for TXT record is invalid.');
    if (record.ttl !== 1 && (record.ttl < 60 || record.ttl > 86_400)) return refusal(400, 9021, 'Invalid TTL. Must be between 60 and 86400 seconds, or 1.');
    if (here.records.some(({ name, content }) => name === record.name && content === record.content))
      return refusal(400, 81_058, 'An identical record already exists.');
    const made = { id: randomBytes(16).toString('hex'), ...record };
    here.records.push(made);
    return success(made);
  };

  const server = await startApiServer((question) => replies.shift() ?? answer(question));
  return {
    ...server,
    token,
    records: (index = 0) => held[index]?.records ?? [],
    add: (record) => void held[0]?.records.push({ id: randomBytes(16).toString('hex'), ttl: 1, ...record }),
    forgetFilters() {
      filters = false;
    },
    next: (reply) => void replies.push(reply),
  };
}

const success = (result: unknown, info?: unknown): ApiReply => ({
  status: 200,
  body: { success: true, errors: [], messages: [], result, ...(info === undefined ? {} : { result_info: info }) },
});

export const refusal = (status: number, code: number, message: string): ApiReply => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});

function page({ searchParams }: URL, all: readonly unknown[]): ApiReply {
  const number = Number(searchParams.get('page') ?? 1);
  const size = Math.min(Number(searchParams.get('per_page') ?? 20), MOST_PER_PAGE);
  const result = all.slice((number - 1) * size, number * size);
  return success(result, { page: number, per_page: size, count: result.length, total_count: all.length, total_pages: Math.ceil(all.length / size) });
}
