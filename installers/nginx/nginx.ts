import { file, port } from 'certkit/options';
import { defineInstaller } from 'certkit/plugin';
import { createNginxInstaller } from './installer.ts';

export default defineInstaller({
  name: 'nginx',
  summary: 'Installs into the nginx of this machine, wherever its package put it',
  options: {
    binary: file('The nginx program; found by itself when not given'),
    conf: file('The main configuration file, where several nginx run'),
    'tls-port': port('The port at which a site without TLS is to get it', { default: 443 }),
  },

  create: ({ binary, conf, 'tls-port': tlsPort }, context) => createNginxInstaller('nginx', { binary, conf, tlsPort, commands: {} }, context),
});
