import { withoutSecrets } from 'certkit/credentials';
import { file, text } from 'certkit/options';
import { defineDnsProvider, type TxtRecord } from 'certkit/plugin';
import { type Account, faultOfAccount, isFor, readAccounts } from './acme-dns-accounts.ts';
import { eachInTurn } from './each-in-turn.ts';
import { changeFault, invalidOption, reasonOf } from './provider-fault.ts';
import { askApi, parseApiAddress } from './web-api.ts';

/** The server keeps the last two values of a subdomain: those of a name and of its wildcard. */
const VALUES_KEPT = 2;
const DIGEST = /^[A-Za-z0-9_-]{43}$/; // all that it takes

type AccountOptions = { readonly [M in keyof Account | 'accounts']: string | undefined };

const invalid = (option: string, because: string, hint: string) => invalidOption('acme-dns', option, because, hint);

/**
 * By the API of github.com/joohoi/acme-dns, which sets values and removes none: a value stays until two newer ones have come.
 * A name of it is reached by a CNAME of `_acme-challenge`.
 */
export default defineDnsProvider({
  name: 'acme-dns',
  summary: 'Sets values at an acme-dns server, where a CNAME of _acme-challenge leads to it',
  options: {
    server: text('The address of its API: https://...', { required: true }),
    subdomain: text('"subdomain" of what POST /register answered'),
    username: text('"username" of it'),
    password: text('"password" of it', { secret: true }),
    fulldomain: text('"fulldomain" of it: where the CNAME leads'),
    accounts: file('A file with what POST /register answered, for one name or many, instead of the four before; mode 0600'),
  },

  create({ server: givenServer, ...options }, { files }) {
    const server = parseApiAddress('acme-dns', 'server', givenServer);
    const { host } = new URL(server);
    const typed = typedAccount(options);
    const accountsNow = async () => [
      ...(typed === undefined ? [] : [typed]),
      ...(options.accounts === undefined ? [] : await readAccounts(options.accounts, files)),
    ];

    /** Values that were set and not given back yet, by name. */
    const inUse = new Map<string, ReadonlySet<string>>();
    const usedAt = (name: string) => inUse.get(name) ?? new Set<string>();

    const set = async (zone: string, account: Account, value: string, signal: AbortSignal) => {
      const fail = (because: string, hint: string) => changeFault('acme-dns', zone, withoutSecrets(`${host} ${because}`, [account.password]), hint);
      const { status, body } = await askApi(new URL(`${server}/update`), {
        method: 'POST',
        headers: { 'x-api-user': account.username, 'x-api-key': account.password },
        body: { subdomain: account.subdomain, txt: value },
        signal,
      }).catch((thrown: unknown) => {
        signal.throwIfAborted();
        throw fail(reasonOf(thrown), 'Is "server" of acme-dns right, and does a firewall let this machine reach it?');
      });
      if (status === 200) return;
      const said = typeof body === 'object' && body !== null && 'error' in body ? `: ${body.error}` : '';
      throw fail(`answered ${status}${said}`, hintFor(status));
    };

    return {
      async append(zone, records, signal) {
        const accounts = await accountsNow();
        for (const name of new Set(records.map((record) => record.name))) {
          demandAccount(accounts, zone, name);
          const values = new Set([...usedAt(name), ...records.filter((record) => record.name === name).map(({ value }) => value)]);
          demandRoom(zone, name, values);
        }
        const add = async ({ name, value }: TxtRecord) => {
          if (usedAt(name).has(value)) return; // set again, it would push the other one out
          await set(zone, demandAccount(accounts, zone, name), value, signal);
          inUse.set(name, new Set([...usedAt(name), value]));
        };
        await eachInTurn(records, add, 'until-one-fails');
      },

      async remove(_, records) {
        for (const { name, value } of records) inUse.set(name, new Set([...usedAt(name)].filter((used) => used !== value)));
      },
    };
  },
});

function demandRoom(zone: string, name: string, values: ReadonlySet<string>): void {
  if (![...values].every((value) => DIGEST.test(value))) {
    const hint = 'For dns-persist-01 use another provider, or create the record by hand.';
    throw changeFault('acme-dns', zone, 'it stores nothing but what dns-01 and dns-account-01 publish', hint);
  }
  if (values.size > VALUES_KEPT) {
    const hint = 'A name and its wildcard fit. Register one account for each _acme-challenge name, and let its CNAME lead to that.';
    throw changeFault('acme-dns', zone, `${values.size} values are wanted at ${name} at a time, and it keeps ${VALUES_KEPT}`, hint);
  }
}

/** The account that the options make up, when they do not name a file. */
function typedAccount({ accounts, subdomain, username, password, fulldomain }: AccountOptions): Account | undefined {
  if (accounts !== undefined) {
    const [beside] = Object.entries({ subdomain, username, password, fulldomain }).filter(([, value]) => value !== undefined);
    if (beside !== undefined) throw invalid(beside[0], 'it stands beside "accounts"', 'The file has it: leave one of them out.');
    return undefined;
  }
  if (subdomain === undefined || username === undefined || password === undefined) {
    const missing = subdomain === undefined ? 'subdomain' : username === undefined ? 'username' : 'password';
    throw invalid(missing, 'it is needed, with the rest of what POST /register answered, or "accounts" instead', 'See acme-dns in docs/dns-providers.md.');
  }
  const account = { subdomain, username, password, fulldomain };
  const fault = faultOfAccount(account);
  if (fault !== undefined) throw invalid(fault.member, fault.because, 'Copy it from what POST /register answered.');
  return account;
}

function demandAccount(accounts: readonly Account[], zone: string, name: string): Account {
  const account = accounts.find((one) => isFor(one, name));
  if (account !== undefined) return account;
  const places = accounts.map(({ fulldomain, subdomain }) => fulldomain ?? `${subdomain}.${zone}`);
  const hint = `The _acme-challenge name has to be a CNAME to ${places.join(' or ')}: look with "dig CNAME".`;
  throw changeFault('acme-dns', zone, `${name} is the name of no account`, hint);
}

function hintFor(status: number): string {
  if (status >= 300 && status <= 399) return 'A redirect is not followed: give the address it leads to as "server" of acme-dns.';
  if (status === 401) return 'Are "username", "password" and "subdomain" of one registration, and is the address of this machine in its "allowfrom"?';
  return 'The log of the acme-dns server says more.';
}
