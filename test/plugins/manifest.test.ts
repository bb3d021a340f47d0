import { describe, expect, test } from 'vitest';
import { judgeManifest } from '../../plugins/manifest.ts';

const plugin = { kind: 'installer', name: 'nginx-custom', entry: './index.js' };
const claim = (change: object = {}) => ({ certkit: { contract: '^0.9.0', plugins: [plugin], ...change } });
const claimOf = (change: object) => claim({ plugins: [{ ...plugin, ...change }] });

describe('the manifest of a package', () => {
  test('is accepted, and answers its plugins without what else stands there', () =>
    expect(judgeManifest(claimOf({ extra: 1 }), '0.9.3')).toEqual({ ok: true, plugins: [plugin] }));

  test('may claim one name for several kinds', () =>
    expect(judgeManifest(claim({ plugins: [plugin, { ...plugin, kind: 'authenticator' }] }), '0.9.0')).toMatchObject({ ok: true }));

  const refused: readonly [string, { readonly certkit?: unknown }, string][] = [
    ['has no field of ours', {}, 'no usable "certkit" field'],
    ['has a field that is text', { certkit: '^0.9.0' }, 'no usable "certkit" field'],
    ['has no range', { certkit: { plugins: [plugin] } }, 'no usable "certkit" field'],
    ['has no list of plugins', { certkit: { contract: '^0.9.0', plugins: { plugin } } }, 'no usable "certkit" field'],
    ['was written for an older contract', claim({ contract: '^0.8.0' }), 'written for contract ^0.8.0; this certkit speaks 0.9.0'],
    ['was written for a newer contract', claim({ contract: '>=1' }), 'written for contract >=1; this certkit speaks 0.9.0'],
    ['has a range that is none', claim({ contract: 'latest' }), 'not one that semver knows'],
    ['claims nothing', claim({ plugins: [] }), 'claims no plugin'],
    ['claims something that is no object', claim({ plugins: ['./index.js'] }), 'not an object'],
    ['claims another kind', claimOf({ kind: 'wizard' }), 'neither authenticator nor installer'],
    ['claims a name with a slash', claimOf({ name: '../x' }), 'lower-case words'],
    ['claims a name in capitals', claimOf({ name: 'Nginx' }), 'lower-case words'],
    ['has an entry that is no path in it', claimOf({ entry: 'index.js' }), 'begin with "./"'],
    ['has an absolute entry', claimOf({ entry: '/etc/index.js' }), 'begin with "./"'],
    ['has an entry above it', claimOf({ entry: './lib/../../x.js' }), 'leads out of the package'],
    ['claims a plugin twice', claim({ plugins: [plugin, plugin] }), 'installer "nginx-custom" twice'],
  ];
  for (const [title, manifest, because] of refused) {
    test(`is refused when it ${title}`, () => expect(judgeManifest(manifest, '0.9.0')).toEqual({ ok: false, because: expect.stringContaining(because) }));
  }
});
