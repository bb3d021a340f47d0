import { defineInstaller } from 'certkit/plugin';
import { createNginxInstaller } from '../nginx/installer.ts';
import { customChoice, readSiteChoice, siteChoice } from '../nginx/options.ts';

export default defineInstaller({
  name: 'nginx-custom',
  summary: 'Installs into an nginx that was built from source, or one of its forks, in a prefix of its own',
  options: { ...customChoice, ...siteChoice },

  create: ({ root, binary, prefix, conf, pid, 'test-command': test, 'reload-command': reload, ...site }, context) =>
    createNginxInstaller('nginx-custom', { root, binary, prefix, conf, pid, commands: { test, reload }, ...readSiteChoice('nginx-custom', site) }, context),
});
