import { expect, test } from 'vitest';
import { type CertkitError, fault } from '../../core/errors.ts';
import { atServers } from '../../core/flows/at-servers.ts';
import type { Needs } from '../../core/flows/needs.ts';
import type { Target } from '../../core/flows/target.ts';
import type { Installer, Survey } from '../../plugins/contract.ts';
import { aVersion, EXAMPLE } from '../store/home.ts';
import { CHOICE, openAnsweringServer, SITES } from './answering-server.ts';

const NAME = 'a.test';
const target: Target = {
  lineage: { ...EXAMPLE, name: NAME, installers: [CHOICE] },
  state: { rejected: [], seen: {} },
  live: undefined,
  version: aVersion(1),
  reason: 'asked',
  structure: 'may-change',
};

/** What is surveyed at the servers of the target, where something happens between the first look and the locks. */
async function open(change: { readonly meanwhile?: (server: Awaited<ReturnType<typeof openAnsweringServer>>) => void; readonly stuck?: CertkitError } = {}) {
  const server = await openAnsweringServer();
  let surveys = 0;
  let key = 'answering:1';
  const survey = async (signal: AbortSignal): Promise<Survey> => {
    surveys++;
    const seen = await server.plugin.survey(signal);
    return { ...seen, server: { ...seen.server, key }, testedInMs: 1 };
  };
  const installer = { ...server.plugin, survey, plan: () => expect.fail('nothing is planned here') } as unknown as Installer;
  const plugins = { ...server.needs.plugins, installer: async () => installer };
  const store: Needs['store'] = {
    ...server.needs.store,
    withServerLocks(keys, work, waiting) {
      change.meanwhile?.(server);
      return server.needs.store.withServerLocks(keys, work, waiting);
    },
  };
  const stuck = new Map(change.stuck === undefined ? [] : [[NAME, change.stuck]]);
  const look = () =>
    atServers([target], { dryRun: false }, { ...server.needs, plugins, store, stuck }, async ({ places, setbacks }) => ({
      texts: places.flatMap((place) => place.survey.files.map(({ bytes }) => Buffer.from(bytes).toString())),
      setbacks: setbacks.map(({ lineage, error: { code } }) => `${lineage} ${code}`),
    }));
  const moveTo = (other: string) => {
    key = other;
  };
  return { look, surveys: () => surveys, moveTo };
}

test('a server that is under its lock as it was before is not surveyed again', async () => {
  const { look, surveys } = await open();
  expect(await look()).toEqual({ texts: [SITES], setbacks: [] });
  expect(surveys()).toBe(1);
});

test('one that was changed before its lock was held is surveyed again', async () => {
  const { look, surveys } = await open({ meanwhile: ({ edit }) => edit((before) => `# changed\n${before}`) });
  expect(await look()).toEqual({ texts: [`# changed\n${SITES}`], setbacks: [] });
  expect(surveys()).toBe(2);
});

test('one that is another by then is left alone', async () => {
  const { look, moveTo } = await open({
    meanwhile({ edit }) {
      moveTo('answering:2');
      edit((before) => `# moved\n${before}`);
    },
  });
  expect(await look()).toEqual({ texts: [], setbacks: ['a.test STORE_FILE_CHANGED'] });
});

test('a lineage that a killed run left half done is left alone', async () => {
  const { look } = await open({ stuck: fault('INSTALLER_UNDO_STOPPED', { file: '/x', difference: '' }) });
  expect(await look()).toEqual({ texts: [], setbacks: ['a.test INSTALLER_UNDO_STOPPED'] });
});
