import { defineInstaller } from 'certkit/plugin';
import { createNginxInstaller } from './installer.ts';
import { readSiteChoice, siteChoice, stockChoice } from './options.ts';

export default defineInstaller({
  name: 'nginx',
  summary: 'Installs into the nginx of this machine, wherever its package put it',
  options: { ...stockChoice, ...siteChoice },

  create: ({ binary, conf, ...site }, context) => createNginxInstaller('nginx', { binary, conf, ...readSiteChoice('nginx', site), commands: {} }, context),
});
