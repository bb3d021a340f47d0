import { isIP } from 'node:net';
import { port, text } from 'certkit/options';
import { type Authenticator, defineAuthenticator, pluginFault } from 'certkit/plugin';
import { closeAll, type Listener, listenOn } from './listener.ts';
import { holderOfPort } from './port-holder.ts';

const PROOF_PATH = '/.well-known/acme-challenge/'; // RFC 8555 section 8.3

export default defineAuthenticator({
  name: 'standalone',
  summary: 'Answers http-01 itself, on a port that nothing else uses',
  options: {
    port: port('The port to listen on; the CA always asks port 80, so another one is for a proxy or redirect that leads here', { default: 80 }),
    address: text('The one IP address to listen on; all of IPv4 and IPv6 when not given'),
  },

  create({ port, address }, { files, log }): Authenticator<'http-01'> {
    if (address !== undefined && isIP(address) === 0) {
      throw pluginFault(
        'PLUGIN_OPTION_INVALID',
        'Option "address" of standalone: it is not an IP address',
        'Write it without brackets and port, such as 192.0.2.1 or 2001:db8::1.',
      );
    }
    const addresses = address === undefined ? ['0.0.0.0', '::'] : [address];
    const answers = new Map<string, string>();
    let listeners: readonly Listener[] = [];
    let last: Promise<unknown> = Promise.resolve();

    /** One after the other: a listener must not close while a batch that found it open is being presented. */
    function inTurn<T>(work: () => Promise<T>): Promise<T> {
      const turn = last.then(work, work);
      last = turn.catch(() => {});
      return turn;
    }

    async function closeUnlessNeeded(): Promise<void> {
      if (answers.size > 0) return;
      await closeAll(listeners);
      listeners = [];
    }

    async function faultOf(error: NodeJS.ErrnoException): Promise<Error> {
      const where = `port ${port}${address === undefined ? '' : ` of ${address}`}`;
      const fail = (because: string, hint: string) => pluginFault('PLUGIN_PRESENT_FAILED', `standalone could not publish the proof: ${because}`, hint, error);
      if (error.code === 'EADDRINUSE') {
        const holder = await holderOfPort(port, files);
        return fail(
          `${where} is in use${holder === undefined ? '' : ` by ${holder.program} (pid ${holder.pid})`}`,
          'Stop that program for the moment, or use its own web root: --authenticator webroot --webroot-root DIRECTORY.',
        );
      }
      if (error.code === 'EACCES')
        return fail(`this user may not listen on ${where}`, 'Run as root, or choose a port of 1024 or above that port 80 is forwarded to: --standalone-port.');
      if (error.code === 'EADDRNOTAVAIL') return fail(`${address} is no address of this machine`, 'Give one that "ip address" shows, or none for all.');
      return fail(`${where}: ${error.message}`, 'See --standalone-port and --standalone-address.');
    }

    return {
      unattended: true,
      concurrency: 'any',

      assess: (identifier) =>
        identifier.wildcard
          ? { able: false, because: 'http-01 cannot prove a wildcard name; use a dns authenticator' }
          : { able: true, challenges: ['http-01'] }, // IP addresses as well: RFC 8738 section 3

      present: (tasks, signal) =>
        inTurn(async () => {
          signal.throwIfAborted();
          if (listeners.length === 0) {
            try {
              listeners = await listenOn(addresses, port, (path) => (path.startsWith(PROOF_PATH) ? answers.get(path.slice(PROOF_PATH.length)) : undefined));
            } catch (error) {
              throw await faultOf(error as NodeJS.ErrnoException);
            }
          }
          for (const { token, keyAuthorization } of tasks) answers.set(token, keyAuthorization);
          await closeUnlessNeeded();
          log.debug(`listening on ${listeners.map((listener) => listener.at).join(' and ')}`);
          return tasks.map(() => ({ port }));
        }),

      // A listener dies with its process: for a token of another process there is nothing to do.
      remove: ({ token }) =>
        inTurn(async () => {
          answers.delete(token);
          await closeUnlessNeeded();
        }),
    };
  },
});
