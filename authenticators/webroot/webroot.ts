import { boolean, directory, port, valueFor } from 'certkit/options';
import { defineAuthenticator, type ForeseeingAuthenticator, type HttpTask, type Identifier, type Presented, pluginFault } from 'certkit/plugin';
import { type Place, placeBelow, placeInReceipt, placeServed } from './place.ts';
import { sideBySide } from './side-by-side.ts';

/** Files and questions open at a time. */
const AT_ONCE = 32;

export default defineAuthenticator({
  name: 'webroot',
  summary: 'Writes http-01 proofs below a directory that your web server already serves',
  options: {
    root: directory(
      'The directory that is served as the root of the site; where it is not given, the configuration of the web server says where the files are',
      {
        byName: true,
      },
    ),
    check: boolean('Ask for each proof through the web server before the CA is told', { default: true }),
    'check-port': port('Where to ask for it; only a CA for tests asks elsewhere than at port 80', { default: 80 }),
  },

  create: ({ root: given, check, 'check-port': checkPort }, { files, http, log }): ForeseeingAuthenticator<'http-01'> => {
    // A mistyped root would be created on the way down, and the CA would look elsewhere.
    const demandDirectory = async (identifier: Identifier, root: string) => {
      if ((await files.facts(root, 'follow'))?.type === 'directory') return;
      throw pluginFault(
        'PLUGIN_PRESENT_FAILED',
        `webroot could not publish the proof for ${identifier.value}: ${root} is not a directory`,
        valueFor(given, identifier) === undefined
          ? `The configuration of the web server has the files of the site there: make the directory, or say where else they are with --webroot-root ${identifier.value}=DIRECTORY.`
          : 'Give the directory that the site is served from with --webroot-root, or leave the option away: certkit then looks where the web server has it.',
      );
    };

    const placeOf = ({ identifier, token, served }: HttpTask): Place | undefined => {
      const root = valueFor(given, identifier);
      if (root !== undefined) return placeBelow(root, token);
      return served === undefined ? undefined : placeServed(served, token);
    };

    const demandSeen = async ({ identifier, token, keyAuthorization }: HttpTask, place: Place, signal: AbortSignal) => {
      const sight = await http.look({ identifier, path: `/.well-known/acme-challenge/${token}`, content: keyAuthorization, port: checkPort }, signal);
      if (sight.kind === 'wrong') {
        throw pluginFault(
          'PLUGIN_PRESENT_FAILED',
          `webroot put the proof for ${identifier.value} at ${place.root}/${place.path}, and that is not what a CA would find: ${sight.because}`,
          `${sight.hint} If a CA sees it otherwise than this machine does, --no-webroot-check asks the CA without looking first.`,
        );
      }
      if (sight.kind === 'unseen')
        log.warn(`the proof for ${identifier.value} could not be looked at from here, and the CA is asked all the same: ${sight.because}`);
    };

    const publish = async (task: HttpTask, signal: AbortSignal): Promise<Presented> => {
      const place = placeOf(task);
      if (place === undefined) {
        throw pluginFault(
          'PLUGIN_PRESENT_FAILED',
          `webroot does not know where the site of ${task.identifier.value} has its files`,
          `Say it with --webroot-root ${task.identifier.value}=DIRECTORY.`,
        );
      }
      await demandDirectory(task.identifier, place.root);
      // The root may belong to somebody we do not trust: `beneath` follows no link on the way down.
      await files.beneath(place.root).create(place.path, task.keyAuthorization, { mode: 0o644 });
      if (check) await demandSeen(task, place, signal);
      return { ...place };
    };

    return {
      unattended: true,
      concurrency: 'any',
      foresees: true,

      assess: (identifier) => {
        if (identifier.wildcard) return { able: false, because: 'http-01 cannot prove a wildcard name; use a dns authenticator' };
        // IP addresses as well: RFC 8738 section 3.
        if (valueFor(given, identifier) !== undefined) return { able: true, challenges: ['http-01'] };
        return { able: true, challenges: ['http-01'], wants: 'served-path', wayOut: `--webroot-root ${identifier.value}=DIRECTORY` };
      },

      async foresee(identifiers) {
        for (const identifier of identifiers) {
          const root = valueFor(given, identifier);
          if (root !== undefined) await demandDirectory(identifier, root);
        }
      },

      async present(tasks, signal) {
        signal.throwIfAborted();
        return sideBySide(tasks, AT_ONCE, (task) => publish(task, signal), signal);
      },

      async remove(task, receipt) {
        const place = placeInReceipt(receipt, task.token) ?? placeOf(task);
        if (place !== undefined) await files.beneath(place.root).remove(place.path);
      },
    };
  },
});
