import { posix } from 'node:path';
import { command, file, mode, text } from 'certkit/options';
import { type ContentPart, defineInstaller, type LineageRequest, type PlacedFile, pluginFault, type Refusal } from 'certkit/plugin';

/** What each path is filled with. A combined file is what haproxy and its like read: leaf, chain, key. */
const CONTENT = {
  fullchain: ['fullchain'],
  certificate: ['certificate'],
  chain: ['chain'],
  key: ['key'],
  combined: ['fullchain', 'key'],
} as const;

const WHATS = Object.keys(CONTENT) as readonly (keyof typeof CONTENT)[];

export default defineInstaller({
  name: 'files',
  summary: 'Copies certificate and key to the paths that another program reads, then runs a command',
  options: {
    fullchain: file('Where to put the certificate with its chain'),
    certificate: file('Where to put the certificate alone'),
    chain: file('Where to put the chain alone'),
    key: file('Where to put the private key'),
    combined: file('Where to put certificate, chain and key in one file'),
    mode: mode('Mode of these files', { default: 0o600 }),
    owner: text('User who owns these files'),
    group: text('Group of these files'),
    'key-type': text('Which of two keys to copy when the lineage has two: ecdsa or rsa'),
    'reload-command': command('What to run after the files have changed; no shell reads it'),
  },

  create(options, { files, programs }) {
    const { mode, owner, group, 'key-type': keyType, 'reload-command': reloadCommand } = options;
    const targets = WHATS.flatMap((what) => {
      const path = options[what];
      return path === undefined ? [] : [{ what, path }];
    });
    const invalid = (option: string, because: string) =>
      pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of files: ${because}`, `On the command line it is --files-${option}.`);

    if (targets.length === 0) throw invalid('fullchain', `not one path is given; give at least one of ${WHATS.join(', ')}`);
    const shared = targets.find(({ path }, at) => targets.findIndex((other) => other.path === path) !== at);
    if (shared !== undefined) throw invalid(shared.what, `${shared.path} is given twice; for all in one file there is "combined"`);
    if (keyType !== undefined && keyType !== 'ecdsa' && keyType !== 'rsa') throw invalid('key-type', 'it is neither ecdsa nor rsa');

    const paths = targets.map(({ path }) => path);

    /** The files of one lineage, or why it cannot have them. */
    function place({ lineage, pairs }: LineageRequest): readonly PlacedFile[] | Refusal {
      const pair = keyType === undefined && pairs.length === 1 ? pairs[0] : pairs.find((each) => each.keyType === keyType);
      if (pair === undefined) {
        const held = pairs.map((each) => each.keyType).join(' and ');
        return {
          lineage,
          kind: 'unsupported',
          because: keyType === undefined ? `it has keys of two types (${held}), and one file takes one` : `it has no ${keyType} key, only ${held}`,
          hint: 'Say which to copy with --files-key-type; for both, use this installer twice, with other paths.',
        };
      }
      return targets.map(({ what, path }) => ({
        path,
        content: CONTENT[what].map((pem): ContentPart => ({ pem, keyType: pair.keyType })),
        mode,
        ...(owner === undefined ? {} : { owner }),
        ...(group === undefined ? {} : { group }),
        lineage,
      }));
    }

    return {
      async survey() {
        for (const directory of new Set(paths.map((path) => posix.dirname(path)))) {
          if ((await files.facts(directory, 'follow'))?.type === 'directory') continue;
          throw pluginFault(
            'INSTALLER_NOT_FOUND',
            `files cannot put anything into ${directory}: it is not a directory`,
            'Create it with the owner and mode it is to have, or correct the path.',
          );
        }
        return {
          server: {
            key: `files:${[...paths].sort().join(':')}`,
            title: `the files ${paths.join(', ')}`,
            probeable: false,
            ...(reloadCommand === undefined ? {} : { reloadCommand }),
          },
          sites: [],
          files: [],
          faults: [],
        };
      },

      plan({ lineages }) {
        const empty = { splices: [], commands: [], serves: [], notes: [] };
        if (lineages.length > 1) {
          const all = lineages.map(({ lineage }) => lineage).join(', ');
          const refusals = lineages.map(
            ({ lineage }): Refusal => ({
              lineage,
              kind: 'held',
              because: `${paths.join(', ')} would hold several lineages: ${all}`,
              hint: 'Give each lineage paths of its own.',
            }),
          );
          return { ...empty, files: [], refusals };
        }
        const placed = lineages.map(place);
        return {
          ...empty,
          files: placed.flatMap((each) => ('kind' in each ? [] : each)),
          refusals: placed.flatMap((each) => ('kind' in each ? [each] : [])),
        };
      },

      // Whoever reads the files has no test that we know of.
      async test() {},

      async reload(signal) {
        const [program, ...args] = reloadCommand ?? [];
        if (program === undefined) return;
        try {
          await programs.run(program, args, { signal });
        } catch (error) {
          if (signal.aborted) throw error;
          const because = error instanceof Error ? error.message : String(error);
          throw pluginFault(
            'INSTALLER_RELOAD_FAILED',
            `The files are in place, and the command after it failed: ${because}`,
            'Run the command by hand; it is --files-reload-command.',
            error,
          );
        }
      },
    };
  },
});
