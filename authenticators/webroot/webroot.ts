import { directory } from 'certkit/options';
import { type Authenticator, defineAuthenticator, pluginFault } from 'certkit/plugin';

const PROOF_DIR = '.well-known/acme-challenge'; // RFC 8555 section 8.3

export default defineAuthenticator({
  name: 'webroot',
  summary: 'Writes http-01 proofs below a directory that your web server already serves',
  options: { root: directory('The directory that is served as the root of the site', { required: true }) },

  create: ({ root }, { files }): Authenticator<'http-01'> => ({
    unattended: true,
    concurrency: 'any',

    assess: (identifier) =>
      identifier.wildcard ? { able: false, because: 'http-01 cannot prove a wildcard name; use a dns authenticator' } : { able: true, challenges: ['http-01'] }, // IP addresses as well: RFC 8738 section 3

    async present(tasks, signal) {
      signal.throwIfAborted();
      // A mistyped root would be created on the way down, and the CA would look elsewhere.
      if ((await files.facts(root, 'follow'))?.type !== 'directory') {
        throw pluginFault(
          'PLUGIN_PRESENT_FAILED',
          `webroot could not publish the proof: ${root} is not a directory`,
          'Give the directory that the site is served from with --webroot-root.',
        );
      }
      // The root may belong to somebody we do not trust: `beneath` follows no link on the way down.
      const writing = tasks.map(({ token, keyAuthorization }) => files.beneath(root).create(`${PROOF_DIR}/${token}`, keyAuthorization, { mode: 0o644 }));
      // Every write has ended before core is told of one that failed: it removes them all then.
      const failed = (await Promise.allSettled(writing)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
      return tasks.map(({ token }) => ({ file: `${root}/${PROOF_DIR}/${token}` }));
    },

    remove: ({ token }) => files.beneath(root).remove(`${PROOF_DIR}/${token}`),
  }),
});
