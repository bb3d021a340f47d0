import type { Client } from 'acme-client';
import { fault } from '../errors.ts';
import type { Log, Random } from '../ports.ts';
import { type Call, mountAdapter, type Origin, type Reply } from './adapter.ts';
import { faultOf, isProblem, isRecord, Refusal, Silence } from './problem.ts';
import { retrying } from './retry.ts';

type AcmeClient = typeof import('acme-client');

export interface ConnectionNeeds {
  readonly acmeClient: AcmeClient;
  readonly origin: Origin;
  readonly random: Random;
  readonly log: Log;
}

export interface Registration {
  readonly keyPem: string;
  /** Absent: the key is registered. */
  readonly url?: string;
  readonly agreeToTerms: boolean;
  readonly email?: string;
  onRegistered(url: string): void | Promise<void>;
}

/** One account at one CA: everything asked of it goes through here. */
export interface Connection {
  /** The CA's. */
  readonly directory: string;
  readonly termsOfService: string | undefined;
  /** Names of the kinds of certificate that it issues; none where it does not say. */
  readonly profiles: readonly string[];
  accountUrl(): string;
  /** One request as the account, repeated where that helps. An account that the CA does not know any more is registered anew, once. */
  ask(request: (client: Client) => Promise<unknown>, options: { readonly signal: AbortSignal; readonly expects?: Call['expects'] }): Promise<Reply>;
}

export async function openConnection(
  { acmeClient, origin, random, log }: ConnectionNeeds,
  registration: Registration,
  signal: AbortSignal,
): Promise<Connection> {
  const within = mountAdapter(acmeClient.axios);
  const { keyPem } = registration;
  const clientFor = (url?: string) =>
    new acmeClient.Client({ directoryUrl: origin.directory, accountKey: keyPem, ...(url === undefined ? {} : { accountUrl: url }) });

  const send = async (request: () => Promise<unknown>, given: AbortSignal, expects: Call['expects'] = 'json'): Promise<Reply> => {
    const attempt = async () => {
      const call: Call = { origin, signal: given, expects };
      await within(call, request);
      if (call.reply === undefined) throw new TypeError('acme-client asked nothing');
      return call.reply;
    };
    const onRetry = (trouble: Error, waitMs: number) => log.debug(`the CA: ${trouble.message}; asking again in ${Math.round(waitMs)} ms`);
    try {
      return await retrying(attempt, { clock: origin.clock, random, signal: given, onRetry });
    } catch (error) {
      if (error instanceof Refusal || error instanceof Silence) throw faultOf(error);
      if (isFromAcmeClient(error) && !given.aborted) throw fault('ACME_BAD_REPLY', { url: origin.directory, because: error.message }, error);
      throw error;
    }
  };

  let client = clientFor(registration.url);
  const first = client;
  const { termsOfService, profiles } = parseDirectory(await send(() => first.getTermsOfServiceUrl(), signal), origin.directory);

  const register = async (given: AbortSignal): Promise<void> => {
    if (termsOfService !== undefined && !registration.agreeToTerms) throw fault('ACME_TERMS', { url: termsOfService });
    const fresh = clientFor();
    const { email, agreeToTerms } = registration;
    const account = { ...(agreeToTerms ? { termsOfServiceAgreed: true } : {}), ...(email === undefined ? {} : { contact: [`mailto:${email}`] }) };
    await send(() => fresh.createAccount({ ...account }), given);
    await registration.onRegistered(fresh.getAccountUrl());
    client = fresh;
  };
  if (registration.url === undefined) await register(signal);

  let registering: Promise<void> | undefined;
  const registerAnew = async (forgotten: Client, given: AbortSignal): Promise<void> => {
    if (client !== forgotten) return; // somebody else's request was faster
    log.warn(`the CA at ${origin.directory} does not know the account ${forgotten.getAccountUrl()} any more; registering anew`);
    registering ??= register(given).finally(() => {
      registering = undefined;
    });
    await registering;
  };

  return {
    directory: origin.directory,
    termsOfService,
    profiles,
    accountUrl: () => client.getAccountUrl(),
    async ask(request, { signal: given, expects }) {
      const used = client;
      try {
        return await send(() => request(used), given, expects);
      } catch (error) {
        if (!isProblem(refusalOf(error)?.problem, 'accountDoesNotExist')) throw error;
        await registerAnew(used, given);
        return await send(() => request(client), given, expects);
      }
    },
  };
}

/** acme-client throws bare errors about replies it cannot use: a missing Location, a status nobody expects. */
const isFromAcmeClient = (error: unknown): error is Error => error instanceof Error && error.constructor === Error;

/** What the CA said that a catalogued error was made of. */
export function refusalOf(error: unknown): Refusal | undefined {
  return error instanceof Error && error.cause instanceof Refusal ? error.cause : undefined;
}

/** RFC 8555 section 7.1.1 and draft-ietf-acme-profiles section 3, as far as they are used. */
function parseDirectory({ data }: Reply, url: string): Pick<Connection, 'termsOfService' | 'profiles'> {
  const members = isRecord(data) ? data : {};
  const missing = ['newNonce', 'newAccount', 'newOrder'].filter((name) => typeof members[name] !== 'string');
  if (missing.length > 0) throw fault('ACME_BAD_REPLY', { url, because: `it is no ACME directory: ${missing.join(', ')} not there` });
  const meta = isRecord(members.meta) ? members.meta : {};
  const terms = meta.termsOfService;
  return {
    termsOfService: typeof terms === 'string' && terms !== '' ? terms : undefined,
    profiles: isRecord(meta.profiles) ? Object.keys(meta.profiles) : [],
  };
}
