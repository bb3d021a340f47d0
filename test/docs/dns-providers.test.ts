import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import acmeDns from '../../authenticators/dns/providers/acme-dns.ts';
import acmesh from '../../authenticators/dns/providers/acmesh.ts';
import cloudflare from '../../authenticators/dns/providers/cloudflare.ts';
import exec from '../../authenticators/dns/providers/exec.ts';
import rfc2136 from '../../authenticators/dns/providers/rfc2136.ts';
import { tableRows } from './table.ts';

const text = readFileSync(fileURLToPath(new URL('../../docs/dns-providers.md', import.meta.url)), 'utf8');
const sections = Object.fromEntries(text.split(/^## /m).map((section) => [section.split('\n')[0], section]));

test.each([rfc2136, exec, acmesh, cloudflare, acmeDns])(
  'every option of $name has its place in a row, and no row is for an option that is not there',
  ({ name, options }) => {
    const documented = tableRows(sections[name] ?? '', 'option').flatMap(([option = '']) => option.split(', ').map((one) => one.replaceAll('`', '')));
    expect(documented.sort()).toEqual(Object.keys(options).sort());
  },
);
