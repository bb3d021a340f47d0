import { text } from 'certkit/options';
import { defineDnsProvider, type TxtRecord } from 'certkit/plugin';
import { type CloudflareApi, createCloudflareApi } from './cloudflare-api.ts';
import { eachInTurn } from './each-in-turn.ts';
import { demandPlain, quoted, unquoted } from './presentation.ts';
import { changeFault, invalidOption } from './provider-fault.ts';
import { parseApiAddress } from './web-api.ts';

/** The record, or an identical one, is there already. */
const THERE_ALREADY = [81057, 81058];
/** The record does not exist. */
const GONE = [81044];
/** Seconds; developers.cloudflare.com/dns/manage-dns-records/reference/ttl */
const TTL = { least: 60, most: 86_400 };

/** By the API v4 (developers.cloudflare.com/api/resources/dns/subresources/records). */
export default defineDnsProvider({
  name: 'cloudflare',
  summary: "Changes records through Cloudflare's API, with a token for the zones that are meant",
  options: {
    token: text('An API token with the permissions "Zone: Read" and "DNS: Edit" for the zones', { required: true, secret: true }),
    'account-id': text('The account of the zones, where the token sees zones of one name in several'),
    api: text('The address of the API', { default: 'https://api.cloudflare.com/client/v4' }),
  },

  create({ token, 'account-id': accountId, api: givenApi }) {
    if (!/^[!-~]+$/.test(token))
      throw invalidOption(
        'cloudflare',
        'token',
        'it holds a space or a letter that is no ASCII',
        'Copy the token again as Cloudflare shows it, and nothing else.',
      );
    const address = parseApiAddress('cloudflare', 'api', givenApi);

    const open = (zone: string, records: readonly TxtRecord[], signal: AbortSignal) => {
      demandPlain('cloudflare', zone, records);
      return createCloudflareApi({ address, token, zone, signal });
    };
    return {
      async append(zone, records, signal) {
        const api = open(zone, records, signal);
        if (records.length === 0) return;
        const path = await pathOfRecords(api, zone, accountId);
        const create = async ({ name, value, ttlSeconds }: TxtRecord) => {
          const ttl = Math.min(Math.max(ttlSeconds, TTL.least), TTL.most);
          await api.ask(path, { method: 'POST', body: { type: 'TXT', name, content: quoted(value), ttl }, accepts: THERE_ALREADY });
        };
        await eachInTurn(records, create, 'until-one-fails');
      },

      async remove(zone, records, signal) {
        const api = open(zone, records, signal);
        if (records.length === 0) return;
        const path = await pathOfRecords(api, zone, accountId);
        const names = [...new Set(records.map(({ name }) => name))];
        const isOurs = ({ type, name, content }: Readonly<Record<string, unknown>>) =>
          type === 'TXT' && records.some((record) => record.name === name && record.value === unquoted(String(content)));
        for (const name of names)
          for (const { id } of (await api.list(path, { type: 'TXT', 'name.exact': name })).filter(isOurs))
            await api.ask(`${path}/${encodeURIComponent(String(id))}`, { method: 'DELETE', accepts: GONE });
      },
    };
  },
});

async function pathOfRecords(api: CloudflareApi, zone: string, accountId: string | undefined): Promise<string> {
  const zones = await api.list('/zones', { name: zone, ...(accountId === undefined ? {} : { 'account.id': accountId }) });
  const active = zones.filter(({ status }) => status === 'active');
  const [found, another] = active.length > 0 ? active : zones;
  if (found === undefined) {
    const hint = `Give the token the permissions "Zone: Read" and "DNS: Edit" for ${zone}; is "account-id" right, if it is set?`;
    throw changeFault('cloudflare', zone, 'the token sees no such zone', hint);
  }
  if (another !== undefined)
    throw changeFault('cloudflare', zone, 'the token sees it in several accounts', 'Say which is meant with "account-id" of cloudflare.');
  return `/zones/${encodeURIComponent(String(found.id))}/dns_records`;
}
