import { expect, test } from 'vitest';
import { portTrouble } from '../../authenticators/standalone/port-trouble.ts';
import { disk } from '../plugins/disk.ts';

const said = (facts: object) => Object.assign(new Error('listen failed'), facts);

const cases: readonly [string, Error, string][] = [
  ['a port that is not for this user', said({ code: 'EACCES' }), 'this user may not listen on port 80'],
  ['an address that is not here', said({ code: 'EADDRNOTAVAIL', address: '192.0.2.1' }), '192.0.2.1 is no address of this machine'],
  ['anything else', said({ code: 'EINVAL' }), 'port 80: listen failed'],
];
for (const [title, thrown, message] of cases) {
  test(`trouble with ${title}`, async () => {
    const error = await portTrouble(thrown, { port: 80, other: 'Port 443 is free.' }, disk);
    expect(error).toMatchObject({
      code: 'PLUGIN_PRESENT_FAILED',
      message: `standalone could not publish the proof: ${message}`,
      hint: expect.stringMatching(/\. Port 443 is free\.$/),
      cause: thrown,
    });
  });
}
