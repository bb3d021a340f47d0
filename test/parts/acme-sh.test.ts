import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layoutAcmeSh } from './acme-sh.ts';
import { type Bind, startBind } from './bind.ts';

describe('acme.sh', () => {
  let bind: Bind;
  beforeAll(async () => {
    bind = await startBind({ zones: [{ name: 'example.test' }] });
  });
  afterAll(() => bind.stop());

  test.each([
    { installed: 'package', zone: undefined },
    { installed: 'home', zone: 'example.test' },
  ] as const)('adds and removes a record with what it has saved: $installed', async ({ installed, zone }) => {
    const acmeSh = await layoutAcmeSh({ bind, installed, ...(zone === undefined ? {} : { zone }) });
    const name = '_acme-challenge.www.example.test';
    expect(await acmeSh.add(name, 'proof')).toContain(`Updating DNS server: ${bind.address}`);
    expect(await bind.txt(name)).toEqual(['proof']);
    await acmeSh.remove(name, 'proof');
    expect(await bind.txt(name)).toEqual([]);
    acmeSh.stop();
  });

  test('fails when the server refuses its key', async () => {
    const acmeSh = await layoutAcmeSh({ bind });
    writeFileSync(acmeSh.accountConf, `SAVED_NSUPDATE_SERVER='${bind.address}'\nSAVED_NSUPDATE_SERVER_PORT='${bind.port}'\n`);
    await expect(acmeSh.add('_acme-challenge.example.test', 'proof')).rejects.toThrow('REFUSED');
    acmeSh.stop();
  });
});
