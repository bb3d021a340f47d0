import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryName } from '../../core/model/temporary-name.ts';
import { EXAMPLE, freshHome } from './home.ts';

const RANDOM = '0123456789abcdef';
const goneMaker = () => spawnSync('true').pid;
const folders = ['.', 'lineages', 'state', 'state/lineages', 'state/journal', 'accounts/ca.example-0/default'];

test('what a process that is gone had in the making is removed, and nothing of one at work', async () => {
  const { store, put, at } = await freshHome();
  const gone = goneMaker();
  const ours = folders.map((folder) => put(`${folder}/${temporaryName('x.json', process.pid, RANDOM)}`, 'half'));
  const theirs = folders.map((folder) => put(`${folder}/${temporaryName('x.json', gone, RANDOM)}`, 'half'));
  const link = at('live', temporaryName(EXAMPLE.name, gone, RANDOM));
  symlinkSync('nowhere', link);
  const stage = put(`state/${temporaryName('stage', gone, RANDOM)}/live/x`, 'a link');
  await store.sweepAbandoned();
  expect(ours.filter((path) => !existsSync(path))).toEqual([]);
  expect([...theirs, dirname(stage)].filter((path) => existsSync(path))).toEqual([]);
  expect(readdirSync(at('live'))).toEqual([]);
});

test('copies stay as long as their entry', async () => {
  const { store, at } = await freshHome();
  await store.save(EXAMPLE);
  await store.record({ kind: 'deploy', id: 'deploy-1', links: [], servers: [], files: [], undoCommands: [] });
  await store.keepCopy('deploy-1', '/etc/nginx/nginx.conf', Buffer.from('events {}'));
  await store.sweepAbandoned();
  expect(readdirSync(at('state/checkpoints'))).toEqual(['deploy-1']);
  await store.strike('deploy-1');
  await store.sweepAbandoned();
  expect(readdirSync(at('state/checkpoints'))).toEqual([]);
});

test("beside somebody else's file, through its link, only that file's", async () => {
  const { store, put, at } = await freshHome();
  const gone = goneMaker();
  put('conf/real.conf', 'events {}');
  symlinkSync('conf/real.conf', at('shown.conf'));
  const left = put(`conf/${temporaryName('real.conf', gone, RANDOM)}`, 'half');
  const others = [put(`conf/${temporaryName('real.conf', process.pid, RANDOM)}`, 'half'), put(`conf/${temporaryName('other.conf', gone, RANDOM)}`, 'half')];
  await store.sweepBeside(at('shown.conf'));
  await store.sweepBeside(at('nowhere/at-all.conf'));
  expect(existsSync(left)).toBe(false);
  expect(others.filter((path) => !existsSync(path))).toEqual([]);
});

test('a stage is a private folder whose maker can be told', async () => {
  const { store, at } = await freshHome();
  const stage = await store.stageFolder();
  await store.sweepAbandoned();
  expect(readdirSync(stage)).toEqual([]);
  expect(dirname(stage)).toBe(at('state'));
});
