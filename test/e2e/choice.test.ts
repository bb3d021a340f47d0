import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ca, startCa } from '../faults/support/ca.ts';
import { openScene } from '../faults/support/scene.ts';
import { atTerminal } from './at-terminal.ts';

let ca: Ca;
beforeAll(async () => {
  ca = await startCa();
});
afterAll(() => ca?.stop());

const SITE = { names: ['choice.test'], tls: true };

test.concurrent('at a terminal, what works here is proposed, and Enter takes it', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [SITE], lineages: false }, onTestFinished);
  const installer = ['--installer', 'nginx-custom', '--nginx-custom-binary', scene.nginx.binary];
  const reload = ['--nginx-custom-reload-command', String(scene.installer['reload-command'])];
  const { exitCode, screen } = await atTerminal(scene.home.path, [...installer, ...reload, '-d', 'choice.test'], {
    answers: [
      [/Which\? \[1, nginx-custom\] /, '\n'],
      [/Install a schedule/, 'n\n'],
    ],
  });
  expect(exitCode, screen).toBe(0);
  expect(screen).toMatch(/1 {2}nginx-custom: would work\./);
  expect(await scene.served('choice.test')).toBe(scene.leafOf('choice.test', 1));
  const file = readFileSync(join(scene.home.path, 'lineages/choice.test.yaml'), 'utf8');
  expect(file).toMatch(/^authenticator:\n {2}plugin: nginx-custom\n {2}binary: /m);
});

test.concurrent('a wildcard is told which authenticators cannot prove it, and why', async ({ onTestFinished }) => {
  const scene = await openScene(ca, { sites: [SITE], lineages: false }, onTestFinished);
  const result = await scene.home.run(['-d', 'choice.test', '-d', '*.choice.test']);
  expect(result.exitCode, result.stderr).toBe(2);
  expect(result.stderr).toMatch(/^USAGE_NO_AUTHENTICATOR: .*choice\.test, \*\.choice\.test/);
  expect(result.stderr).toMatch(/- standalone: cannot\. \*\.choice\.test: http-01 and tls-alpn-01 cannot prove a wildcard name/);
  expect(ca.pebble.log()).not.toContain('*.choice.test');
});
