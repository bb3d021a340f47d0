import { isIP } from 'node:net';
import { port, text } from 'certkit/options';
import { defineAuthenticator, type ForeseeingAuthenticator, type HttpTask, type Presented, pluginFault, type TlsAlpnTask } from 'certkit/plugin';
import { afterOtherRuns } from './after-other-runs.ts';
import { createHttpListener } from './http-listener.ts';
import { type Listener, onePerPlace } from './listener.ts';
import { portTrouble } from './port-trouble.ts';
import { createTlsListener } from './tls-listener.ts';

const CHALLENGES = ['http-01', 'tls-alpn-01'] as const;
type Challenge = (typeof CHALLENGES)[number];

// A port is the process's: instances whose other options differ have it in common.
const httpListenerAt = onePerPlace(createHttpListener);
const tlsListenerAt = onePerPlace(createTlsListener);

export default defineAuthenticator({
  name: 'standalone',
  summary: 'Answers http-01 or tls-alpn-01 itself, on a port that nothing else uses',
  options: {
    port: port('Where to answer http-01; the CA always asks port 80, so another one is for a proxy or redirect that leads here', { default: 80 }),
    'tls-port': port('Where to answer tls-alpn-01; the CA always asks port 443', { default: 443 }),
    address: text('IP addresses to listen on, separated by commas; all of IPv4 and IPv6 when not given'),
    challenge: text('http-01 or tls-alpn-01; when not given http-01, or what the CA offers'),
  },

  create({ port, 'tls-port': tlsPort, address, challenge }, { files, log, clock }): ForeseeingAuthenticator<Challenge> {
    const addresses = address === undefined ? ['0.0.0.0', '::'] : addressesIn(address);
    const challenges = challenge === undefined ? CHALLENGES : [challengeNamed(challenge)];
    const http = httpListenerAt({ addresses, port });
    const tls = tlsListenerAt({ addresses, port: tlsPort }, clock);

    /** Says, where it may, that the other port would do. */
    async function trouble(thrown: unknown, { place }: Listener<never>): Promise<Error> {
      const other =
        place === http.place && challenge === undefined && (await isFree(tls)) ? `Port ${tlsPort} is free: --standalone-challenge tls-alpn-01.` : '';
      return portTrouble(thrown, { port: place.port, other }, files);
    }

    const whenFree = <R>({ place }: Listener<never>, listen: () => Promise<R>, signal: AbortSignal): Promise<R> =>
      afterOtherRuns(listen, { port: place.port, files, log, signal });

    async function published<T extends HttpTask | TlsAlpnTask>(listener: Listener<T>, tasks: readonly T[], signal: AbortSignal): Promise<Presented> {
      if (tasks.length === 0) return {};
      try {
        const at = await whenFree(listener, () => listener.publish(tasks, signal), signal);
        log.debug(`listening on ${at.join(' and ')}`);
        return { port: listener.place.port };
      } catch (thrown) {
        signal.throwIfAborted();
        return trouble(thrown, listener);
      }
    }

    return {
      unattended: true,
      concurrency: 'any',
      foresees: true,

      assess: (identifier) =>
        identifier.wildcard
          ? { able: false, because: `${challenges.join(' and ')} cannot prove a wildcard name; use a dns authenticator` }
          : { able: true, challenges }, // IP addresses as well: RFC 8738

      async foresee(_identifiers, signal) {
        signal.throwIfAborted();
        const listener = challenges[0] === 'tls-alpn-01' ? tls : http;
        // The kernel alone knows: addresses, families, permission and who else listens all have a part in it.
        await whenFree(listener, () => listener.tryOut(), signal).catch(async (thrown: unknown) => {
          signal.throwIfAborted();
          throw await trouble(thrown, listener);
        });
      },

      async present(tasks, signal) {
        signal.throwIfAborted();
        const [ofHttp, ofTls] = await Promise.all([
          published(
            http,
            tasks.filter((task) => task.type === 'http-01'),
            signal,
          ),
          published(
            tls,
            tasks.filter((task) => task.type === 'tls-alpn-01'),
            signal,
          ),
        ]);
        return tasks.map(({ type }) => (type === 'http-01' ? ofHttp : ofTls));
      },

      // A listener dies with its process: for a token of another process there is nothing to do.
      remove: (task) => (task.type === 'http-01' ? http : tls).withdraw(task.token),
    };
  },
});

const isFree = (listener: Listener<never>): Promise<boolean> =>
  listener.tryOut().then(
    () => true,
    () => false,
  );

function challengeNamed(name: string): Challenge {
  const challenge = CHALLENGES.find((known) => known === name);
  if (challenge === undefined)
    throw optionFault('challenge', 'it is no challenge that a listener answers', `Write ${CHALLENGES.join(' or ')}, or leave it away for both.`);
  return challenge;
}

function addressesIn(list: string): readonly string[] {
  const addresses = list.split(',').map((address) => address.trim());
  const bad = addresses.find((address) => isIP(address) === 0);
  if (bad !== undefined) throw optionFault('address', `"${bad}" is not an IP address`, 'Write it without brackets and port, such as 192.0.2.1 or 2001:db8::1.');
  return [...new Set(addresses)].sort();
}

const optionFault = (option: string, because: string, hint: string) =>
  pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of standalone: ${because}`, hint);
