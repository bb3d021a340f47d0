import type { LineageRequest } from 'certkit/plugin';
import { expect, test } from 'vitest';
import { selfSigned } from '../../parts/self-signed.ts';
import { applied, changedLines, type Files, LIVE, lineageOf, planOf } from './literal.ts';

const main = (http: string): Files => ({ '/etc/nginx/nginx.conf': `events {}\nhttp {\n${http}}\n` });
const PAIR = 'ssl_certificate /old/x.crt;\nssl_certificate_key /old/x.key;\n';
const site = (names: string, pair = PAIR) => `server {\nlisten 443 ssl;\nserver_name ${names};\n${pair}}\n`;
const wildcard = () => lineageOf(['a.example', '*.a.example']);

const covered: readonly [title: string, names: string, lineage: LineageRequest][] = [
  ['a pattern for names that the lineage has', 'a.example "~^(www\\.)?a\\.example$"', lineageOf(['a.example', 'www.a.example'])],
  ['a pattern for names below a wildcard', 'a.example "~^(?<user>\\w+)\\.a\\.example$"', wildcard()],
  ['a pattern for a domain and all below', '"~(^|\\.)a\\.example$"', wildcard()],
  ['a wildcard of both kinds', '.a.example', wildcard()],
  ['names that no client asks for', 'a.example _ localhost ""', lineageOf(['a.example'])],
];

for (const [title, names, lineage] of covered) {
  test(`governed: ${title} is covered`, async () => {
    const plan = await planOf(main(site(names)), [lineage]);
    expect(plan.refusals).toEqual([]);
    expect(plan.splices).toHaveLength(2);
  });
}

const outside: readonly [title: string, names: string, lineage: LineageRequest, hint: RegExp][] = [
  [
    'a pattern below a wildcard that is missing',
    'a.example "~^(?<user>.+)\\.a\\.example$"',
    lineageOf(['a.example']),
    /^A certificate that is also for \*\.a\.example would do\. By hand/,
  ],
  [
    'a pattern of a few names',
    'a.example ~^(x|y)\\.b\\.example$',
    lineageOf(['a.example']),
    /^A certificate that is also for x\.b\.example, y\.b\.example would do/,
  ],
  ['one more name', 'a.example b.example', lineageOf(['a.example']), /^A certificate that is also for b\.example would do/],
  ['a domain and all below', 'a.example .b.example', lineageOf(['a.example']), /^A certificate that is also for b\.example, \*\.b\.example would do/],
  ['a pattern for names of any domain', 'a.example ~^www\\.', lineageOf(['a.example']), /^By hand, in the block at .*, in place of what is there now:/],
  ['a pattern below a top-level domain', 'a.example ~\\.example$', lineageOf(['a.example']), /^By hand/],
  ['all domains', 'a.example www.a.*', lineageOf(['a.example']), /^By hand/],
];

for (const [title, names, lineage, hint] of outside) {
  test(`governed: refused is ${title}, and what would do is said`, async () => {
    const plan = await planOf(main(site(names)), [lineage]);
    expect(plan.refusals).toMatchObject([{ kind: 'unsupported', hint: expect.stringMatching(hint) }]);
  });
}

test('governed: a pair in the block that overrides an inherited one must be for all names of the block', async () => {
  const http = (names: string) => main(`${PAIR}${site(names, '')}${site('other.example', '')}`);
  const plan = await planOf(http('a.example b.example'), [lineageOf(['a.example'])]);
  expect(plan.splices).toEqual([]);
  expect(plan.refusals).toMatchObject([
    {
      kind: 'unsupported',
      because: expect.stringMatching(/in the block at .*:5 would also be for b\.example/),
      hint: expect.stringMatching(
        /^A certificate that is also for b\.example would do\. By hand, in the block at .*:5, behind its server_name:\n {4}ssl_certificate \//,
      ),
    },
  ]);
  expect(await planOf(http('a.example b.example'), [lineageOf(['a.example', 'b.example'])])).toMatchObject({ refusals: [] });
});

const RSA = { certificate: '/old/rsa.crt', key: '/old/rsa.key' };
const certificate = (path: string) => `ssl_certificate ${path};\n`;
const key = (path: string) => `ssl_certificate_key ${path};\n`;
const OWN = { certificate: certificate(`${LIVE}/a.example/fullchain.pem`), key: key(`${LIVE}/a.example/privkey.pem`) };

const apart: readonly [title: string, http: string, block: string, after: string][] = [
  ['the key is inherited', key('/old/x.key'), certificate('/old/x.crt'), OWN.certificate + OWN.key],
  ['the certificate is inherited', certificate('/old/x.crt'), key('/old/x.key'), OWN.key + OWN.certificate],
  [
    'the keys of two are inherited',
    key(RSA.key) + key('/old/x.key'),
    certificate(RSA.certificate) + certificate('/old/x.crt'),
    certificate(RSA.certificate) + OWN.certificate + key(RSA.key) + OWN.key,
  ],
  [
    'two are inherited, and one of them is not replaced',
    certificate(RSA.certificate) + certificate('/old/x.crt') + key(RSA.key) + key('/old/x.key'),
    '',
    certificate(RSA.certificate) + key(RSA.key) + OWN.certificate + OWN.key,
  ],
];

for (const [title, inherited, block, after] of apart) {
  test(`governed: certificates and keys are inherited apart: ${title}`, async () => {
    const other = `server {\nlisten 443 ssl;\nserver_name other.example;\n${block}}\n`;
    const files: Files = {
      ...main(`${inherited}${site('a.example', block)}${other}`),
      '/old/rsa.crt': selfSigned({ names: ['a.example'], keyType: 'rsa' }).certificatePem,
      '/old/x.crt': selfSigned({ names: ['a.example'] }).certificatePem,
    };
    const plan = await planOf(files, [lineageOf(['a.example'])]);
    expect(plan.refusals).toEqual([]);
    const done = applied(files, plan);
    expect(done).toEqual({ ...files, ...main(`${inherited}${site('a.example', after)}${other}`) });
    expect(await planOf(done, [lineageOf(['a.example'])])).toMatchObject({ splices: [], refusals: [] });
  });
}

test("governed: a block without a pair is served with the default's, and gets one only if that is for all its names", async () => {
  const files = main(site('other.example') + site('a.example b.example', ''));
  expect((await planOf(files, [lineageOf(['a.example'])])).refusals).toMatchObject([{ because: expect.stringContaining('also be for b.example') }]);
});

test('governed: of a pair that several blocks include, the include to replace is named', async () => {
  const files: Files = {
    ...main('include vhosts/*.conf;\n'),
    '/etc/nginx/vhosts/a.conf': 'server {\nlisten 443 ssl;\nserver_name a.example;\ninclude ssl.conf;\n}\n',
    '/etc/nginx/vhosts/b.conf': 'server {\nlisten 443 ssl;\nserver_name b.example;\ninclude ssl.conf;\n}\n',
    '/etc/nginx/ssl.conf': 'include pair.conf;\nssl_protocols TLSv1.3;\n',
    '/etc/nginx/pair.conf': PAIR,
  };
  const { refusals } = await planOf(files, [lineageOf(['a.example'])]);
  expect(refusals).toMatchObject([
    {
      because: expect.stringContaining('/etc/nginx/pair.conf:1 also governs b.example'),
      hint: expect.stringContaining(
        'By hand, in the block at /etc/nginx/vhosts/a.conf:1, in place of the include at /etc/nginx/vhosts/a.conf:4, together with whatever else /etc/nginx/pair.conf has for it:',
      ),
    },
  ]);
});

test('governed: a vhost that is included twice is edited once', async () => {
  const files: Files = { ...main('include vhosts/*.conf;\ninclude vhosts/a.conf;\n'), '/etc/nginx/vhosts/a.conf': site('a.example') };
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(plan.refusals).toEqual([]);
  expect(plan.splices).toHaveLength(2);
  const plain = { ...files, '/etc/nginx/vhosts/a.conf': 'server {\nlisten 80;\nserver_name a.example;\n}\n' };
  expect((await planOf(plain, [lineageOf(['a.example'])])).splices).toHaveLength(1);
});

test('governed: two lineages with sites in one line of one file', async () => {
  const one = (name: string) => `server { listen 443 ssl; server_name ${name}; ssl_certificate /${name}.crt; ssl_certificate_key /${name}.key; }`;
  const files = main(`${one('a.example')} ${one('b.example')}\nserver { server_name c.example; }\n`);
  const plan = await planOf(files, [lineageOf(['a.example', 'c.example']), lineageOf(['b.example'])]);
  expect(plan.refusals).toEqual([]);
  const text = applied(files, plan)['/etc/nginx/nginx.conf'] ?? '';
  for (const name of ['a.example', 'b.example']) expect(text).toContain(`server_name ${name}; ssl_certificate ${LIVE}/${name}/fullchain.pem;`);
  expect(text).toContain(`{ server_name c.example; listen 8000; listen 443 ssl; ssl_certificate ${LIVE}/a.example/fullchain.pem;`);
});

const HESTIA = `#=======#\n# Default Web Domain Template   #\n# DO NOT MODIFY THIS FILE! CHANGES WILL BE LOST WHEN REBUILDING DOMAINS #\n# see hestiacp.com #\n#=======#\n`;
const generated: readonly [path: string, head: string, by: RegExp][] = [
  ['/etc/nginx/conf.d/users/bob.conf', '', /by cPanel/],
  ['/etc/nginx/plesk.conf.d/vhosts/a.conf', '', /by Plesk/],
  [
    '/etc/nginx/site.conf',
    '#ATTENTION!\n#\n#DO NOT MODIFY THIS FILE BECAUSE IT WAS GENERATED AUTOMATICALLY,\n#SO ALL YOUR CHANGES WILL BE LOST\n',
    /by a program/,
  ],
  ['/etc/nginx/site.conf', HESTIA, /by HestiaCP or VestaCP/],
  ['/home/bob/conf/web/a.example/nginx.ssl.conf', '', /by HestiaCP or VestaCP/],
  ['/usr/local/directadmin/data/users/bob/nginx.conf', '', /by DirectAdmin/],
  ['/etc/nginx/site.conf', '# This file is managed by a panel. Manual changes will be erased!\n', /by a program/],
  ['/etc/nginx/site.conf', '# Generated by confd. Do not edit.\n', /by a program/],
  ['/etc/nginx/site.conf', '# This file will be overwritten at the next start\n', /by a program/],
];

for (const [path, head, by] of generated) {
  test(`generated: nothing is written into ${path} ${head.slice(0, 40).trim()}`, async () => {
    const isElsewhere = !path.startsWith('/etc/nginx/');
    const files: Files = {
      ...main(`include ${isElsewhere ? 'panel.conf' : path};\n`),
      ...(isElsewhere && { [`/etc/nginx/panel.conf -> ${path}`]: '' }),
      [path]: head + site('a.example'),
    };
    const plan = await planOf(files, [lineageOf(['a.example'])]);
    expect(plan.refusals).toMatchObject([{ kind: 'unsupported', because: expect.stringMatching(by), hint: expect.stringMatching(/installer "files"/) }]);

    const own = PAIR.replace('/old/x.crt', `${LIVE}/a.example/fullchain.pem`).replace('/old/x.key', `${LIVE}/a.example/privkey.pem`);
    const inPlace = { ...files, [path]: head + site('a.example', own) };
    expect(await planOf(inPlace, [lineageOf(['a.example'])])).toMatchObject({ splices: [], refusals: [] });
  });
}

test('generated: an include of a generated file that an administrator wrote may be edited', async () => {
  const files: Files = {
    ...main('include site.conf;\n'),
    '/etc/nginx/site.conf': `${HESTIA}${site('a.example', 'include /etc/nginx/own.conf;\n')}`,
    '/etc/nginx/own.conf': PAIR,
  };
  const plan = await planOf(files, [lineageOf(['a.example'])]);
  expect(plan.refusals).toEqual([]);
  expect(Object.keys(changedLines(files, plan))).toEqual(['own.conf']);
});

test('generated: what configuration management writes may be edited, and the person is told', async () => {
  for (const head of [
    '# Ansible managed: nginx.j2 modified by root\n',
    '# This file is managed by Puppet. DO NOT EDIT. Changes will be overwritten.\n',
    '# Generated by Chef for web1\n# Local modifications will be overwritten.\n',
  ]) {
    const plan = await planOf({ '/etc/nginx/nginx.conf': `${head}${main(site('a.example'))['/etc/nginx/nginx.conf']}` }, [lineageOf(['a.example'])]);
    expect(plan.refusals).toEqual([]);
    expect(plan.notes).toMatchObject([{ text: expect.stringMatching(/is managed by (Ansible|Puppet|Chef): its next run may take the change back/) }]);
  }
});

test('generated: comments that speak of generated certificates or of updates are no warning', async () => {
  const heads = [
    '# Self signed certificates generated by the ssl-cert package\n# Do not use them in a production server!\n',
    '# leave it in sites-available, where it will continue to be updated by the packaging team\n',
    '# Defaults, which can be overwritten in a site\n',
    '# a.example is served here; managed by Certbot\n',
  ];
  for (const head of heads) {
    const text = `${head}${main(site('a.example'))['/etc/nginx/nginx.conf']}`;
    expect(await planOf({ '/etc/nginx/nginx.conf': text }, [lineageOf(['a.example'])])).toMatchObject({ refusals: [], notes: [] });
  }
});
