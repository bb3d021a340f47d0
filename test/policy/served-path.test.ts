import { expect, test } from 'vitest';
import type { ProofsPlace } from '../../core/model/site.ts';
import { decideServedPath, type Saying } from '../../core/policy/served-path.ts';

const PROOFS = '.well-known/acme-challenge';
const files = (server: string, root: string, change: Partial<Pick<ProofsPlace, 'byName' | 'atPort80'>> = {}): Saying => ({
  server,
  place: { kind: 'files', at: { root, path: PROOFS }, site: `/etc/${server}.conf:1`, byName: true, atPort80: true, ...change },
});
const none = (server: string, change: Partial<Pick<ProofsPlace, 'byName' | 'atPort80'>> = {}): Saying => ({
  server,
  place: { kind: 'none', because: 'it passes it on', byName: true, atPort80: true, ...change },
});
const found = (root: string) => ({ kind: 'found', at: { root, path: PROOFS } });
const stands = (server: string) => ({ server, because: 'it passes it on' });

const table: readonly [title: string, sayings: readonly Saying[], expected: object][] = [
  ['one server has it', [files('nginx', '/srv/a'), { server: 'apache' }], found('/srv/a')],
  ['two that agree are one answer', [files('nginx', '/srv/a'), files('apache', '/srv/a')], found('/srv/a')],
  [
    'who has the name goes before who answers for all',
    [files('nginx', '/srv/all', { byName: false }), files('apache', '/srv/a', { atPort80: false })],
    found('/srv/a'),
  ],
  ['who answers for all is better than nobody', [files('nginx', '/srv/all', { byName: false })], found('/srv/all')],
  [
    'who has the name and no files keeps others that do not have it away',
    [none('nginx'), files('apache', '/srv/all', { byName: false })],
    {
      kind: 'none',
      because: [stands('nginx')],
    },
  ],
  ['port 80 goes before what is behind it', [files('apache', '/srv/inner', { atPort80: false }), files('nginx', '/srv/a')], found('/srv/a')],
  ['what passes the name on leaves it to whom it passes it on', [none('nginx'), files('apache', '/srv/a', { atPort80: false })], found('/srv/a')],
  [
    'two that differ are both told',
    [files('nginx', '/srv/a'), files('apache', '/srv/b')],
    {
      kind: 'several',
      candidates: [
        { server: 'nginx', site: '/etc/nginx.conf:1', at: { root: '/srv/a', path: PROOFS } },
        { server: 'apache', site: '/etc/apache.conf:1', at: { root: '/srv/b', path: PROOFS } },
      ],
    },
  ],
  [
    'what could not be looked at is told where nothing was found',
    [none('nginx'), { server: 'apache', error: 'it is broken' }],
    {
      kind: 'none',
      because: [stands('nginx'), { server: 'apache', because: 'it is broken' }],
    },
  ],
  [
    'what could not be looked at does not matter where something was found',
    [files('nginx', '/srv/a'), { server: 'apache', error: 'it is broken' }],
    found('/srv/a'),
  ],
  ['nobody is there', [], { kind: 'none', because: [] }],
];
test.each(table)('served path: %s', (_, sayings, expected) => {
  expect(decideServedPath(sayings)).toEqual(expected);
});
