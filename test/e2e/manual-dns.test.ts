import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canServeDns } from '../parts/bind.ts';
import { atTerminal } from './at-terminal.ts';
import { printed } from './certkit.ts';
import { type DnsScene, openDnsScene } from './dns-scene.ts';

describe.skipIf(!canServeDns)('records that a person or their script makes', () => {
  let scene: DnsScene;
  beforeAll(async () => {
    scene = await openDnsScene({ zones: [{ name: 'example.test' }] });
  });
  afterAll(() => scene?.stop());

  const manual = (names: readonly string[], ...flags: readonly string[]) => [
    ...['--authenticator', 'manual', '--agree-tos', ...flags],
    ...names.flatMap((name) => ['-d', name]),
  ];
  const update = (line: string) => {
    const { address, port, keyFile, programs } = scene.bind;
    execFileSync(programs.nsupdate, ['-k', keyFile], { input: `server ${address} ${port}\n${line}\nsend\n` });
  };

  /** As people have it for certbot. */
  function hook(name: string, line: string): string {
    const { address, port, keyFile } = scene.bind;
    return scene.writeProgram(name, `nsupdate -k ${keyFile} <<END\nserver ${address} ${port}\n${line}\nsend\nEND\n`);
  }

  test('a name and its wildcard by DNS hooks written for certbot, unattended', async () => {
    const record = '_acme-challenge.$CERTBOT_DOMAIN. 60 TXT "$CERTBOT_VALIDATION"';
    const hooks = ['--manual-auth-hook', hook('auth.sh', `update add ${record}`), '--manual-cleanup-hook', hook('cleanup.sh', `update delete ${record}`)];
    const first = await scene.certkit(manual(['hooked.example.test', '*.hooked.example.test'], '--manual-challenge', 'dns-01', ...hooks));
    expect(first.exitCode, printed(first)).toBe(0);
    await scene.expectNothingLeft();
    const again = await scene.certkit(['renew', 'hooked.example.test', '--force']);
    expect(again.exitCode, printed(again)).toBe(0);
    await scene.expectNothingLeft();
    const leaf = new X509Certificate(readFileSync(join(scene.home, 'live/hooked.example.test/cert.pem')));
    expect(leaf.subjectAltName).toContain('DNS:*.hooked.example.test');
  });

  test('a record that stays is asked for once; renewals find it and ask nobody', async () => {
    const asked = manual(['once.example.test', '*.once.example.test'], '--manual-challenge', 'dns-persist-01');
    const early = await scene.certkit(asked);
    expect(early.exitCode, printed(early)).toBe(3);
    expect(early.stderr).toMatch(/nobody is there to create it\n.*once.*\n +_validation-persist\.once\.example\.test\. IN TXT ".*; policy=wildcard"\n/);

    const { exitCode, screen } = await atTerminal(scene.home, asked, {
      answers: [
        [
          /Press Enter when/,
          async (shown) => {
            const records = [...shown.matchAll(/ {4}(_validation-persist\.\S+) IN TXT ("[^"]*")/g)];
            for (const [, name, value] of records) update(`update add ${name} 60 TXT ${value}`);
            return '\n';
          },
        ],
        [/Install a schedule/, 'n\n'],
      ],
    });
    expect(exitCode, screen).toBe(0);
    expect(screen).not.toContain('may go now');
    expect(await scene.proofs()).toEqual(['_validation-persist.once.example.test']);
    const serial = await scene.bind.serial('example.test');

    const renewed = await scene.certkit(['renew', 'once.example.test', '--force']);
    expect(renewed.exitCode, printed(renewed)).toBe(0);
    expect(printed(renewed)).toContain('dns-persist-01 proof for');
    expect(printed(renewed)).not.toContain('IN TXT');
    expect(await scene.bind.serial('example.test')).toBe(serial);
  });
});
