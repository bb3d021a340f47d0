import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Home, printed, temporaryHome } from './certkit.ts';

let home: Home;
beforeEach(() => {
  home = temporaryHome();
  const lineage = { identifiers: ['due.test'], ca: 'https://127.0.0.1:1/dir', authenticator: { plugin: 'standalone' } };
  mkdirSync(join(home.path, 'lineages'), { recursive: true, mode: 0o700 });
  writeFileSync(join(home.path, 'lineages/due.test.yaml'), JSON.stringify(lineage), { mode: 0o600 });
});
afterEach(() => home.remove());

const slips: readonly (readonly [given: string, said: string])[] = [
  ['soon', '--jitter soon: a length of time has a unit: "10 seconds", "90 minutes", "12h", "30 days"'],
  ['2h', '--jitter 2h is longer than the hour after which the next run comes'],
];
for (const [given, said] of slips) {
  test(`--jitter ${given} is refused`, async () => {
    const result = await home.run(['renew', '--jitter', given]);
    expect(result.exitCode, printed(result)).toBe(2);
    expect(result.stderr).toContain(said);
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the wait at once`, async () => {
    const running = home.start(['renew', '--jitter', '1h', '--json=events']);
    await running.printed(/"type":"jitter","untilMs":\d+/);
    running.kill(signal);
    const result = await running.result;
    expect(result.exitCode, printed(result)).toBe(130);
    expect(result.stdout).not.toContain('ACME_UNREACHABLE');
  });
}

test('a scheduler’s log says nothing of the wait', async () => {
  const result = await home.run(['renew', '--jitter', '1s']);
  expect(result.exitCode, printed(result)).toBe(4);
  expect(result.stdout + result.stderr).not.toMatch(/waiting|jitter/i);
});
