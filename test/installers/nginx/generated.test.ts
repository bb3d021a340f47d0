import { expect, test } from 'vitest';
import { whyGenerated } from '../../../installers/nginx/generated.ts';
import { CONF, surveyOf } from './literal.ts';

const SITE = 'server { listen 80; server_name a.example; }\n';
const FROXLOR =
  '# 35_froxlor_ssl_vhost_a.conf\n# Created 24.11.2026 10:00\n# Do NOT manually edit this file, all changes will be deleted after the next domain change\n\n';

const writerOf = async (path: string, head: string) => {
  const survey = await surveyOf({ [CONF]: `events {}\nhttp {\ninclude site.conf;\n}\n`, [`/etc/nginx/site.conf -> ${path}`]: '', [path]: head + SITE });
  const file = survey.nginx.servers.graph.files.find(({ realPath }) => realPath === path);
  return file && whyGenerated(file)?.by;
};

test.each([
  ['/etc/nginx/sites-enabled/35_froxlor_normal_vhost_a.conf', '', 'Froxlor'],
  ['/etc/nginx/panel/a.conf', FROXLOR, 'Froxlor'],
  ['/etc/nginx/panel/a.conf', '# Manual edits of /etc/nginx/panel/a.conf will be overwritten\n', 'a program, as the comment at its head says'],
  ['/etc/nginx/panel/a.conf', '# Your changes here would be overridden by the next run\n', 'a program, as the comment at its head says'],
  ['/www/server/panel/vhost/nginx/a.example.conf', '', 'aaPanel'],
  ['/etc/nginx-sp/vhosts.d/shop.conf', '', 'ServerPilot'],
])('%s is written by a program', async (path, head, by) => {
  expect(await writerOf(path, head)).toBe(by);
});

test.each([
  ['/etc/nginx/own.conf', '# Last edit 2020 by Bob. May be overridden in local.conf\n'],
  ['/etc/nginx/own.conf', '# Changes: 2020 the old upstream was deleted\n'],
  ['/etc/nginx/own.conf', '# Edit at will. Values can be overwritten by a site\n'],
  ['/www/server/panel/vhost/nginx/extension/a.example/own.conf', ''],
  ['/etc/nginx-sp/vhosts.d/shop.custom.conf', ''],
])('%s is its administrator’s: %s', async (path, head) => {
  expect(await writerOf(path, head)).toBeUndefined();
});
