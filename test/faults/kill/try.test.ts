import { expect, test } from 'vitest';
import { startWorld } from './world.ts';
import { writeFileSync } from 'node:fs';

test('try', async () => {
  const world = await startWorld({ names: ['example.test', 'www.example.test'], tls: true });
  try {
    const args = ['-d', 'example.test', '-d', 'www.example.test', '--authenticator', 'webroot', '--webroot-root', world.site.webroot, ...world.nginxFlags, ...world.caFlags];
    let t = Date.now();
    const first = await world.run(args);
    console.log(first.exitCode, first.output, Date.now() - t, first.moments.length);
    writeFileSync('/tmp/moments.txt', first.moments.join('\n'));
    t = Date.now();
    const renew = await world.run(['renew']);
    console.log(renew.exitCode, renew.output, Date.now() - t, renew.moments.length);
    t = Date.now();
    const f = await world.run(['renew', '--force']);
    console.log(f.exitCode, f.output, Date.now() - t, f.moments.length);
    t = Date.now();
    const g = await world.run(['deploy', '--now']);
    console.log(g.exitCode, g.output, Date.now() - t, g.moments.length);
    expect(first.exitCode).toBe(0);
    console.log(world.orders());
  } finally {
    await world.stop();
  }
});
