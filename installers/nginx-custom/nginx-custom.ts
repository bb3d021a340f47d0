import { command, directory, file, port } from 'certkit/options';
import { defineInstaller } from 'certkit/plugin';
import { createNginxInstaller } from '../nginx/installer.ts';

export default defineInstaller({
  name: 'nginx-custom',
  summary: 'Installs into an nginx that was built from source, or one of its forks, in a prefix of its own',
  options: {
    root: directory('The directory that holds nginx.conf or conf/nginx.conf'),
    binary: file('The nginx program'),
    prefix: directory('The prefix it runs with (-p)'),
    conf: file('The main configuration file (-c)'),
    pid: file('The file with the process number of the running server'),
    'test-command': command('The program that tests the configuration, in place of "nginx -t"'),
    'reload-command': command('The program that reloads the server, in place of the service manager or "nginx -s reload"'),
    'tls-port': port('The port at which a site without TLS is to get it', { default: 443 }),
  },

  create: ({ 'test-command': test, 'reload-command': reload, 'tls-port': tlsPort, ...choice }, context) =>
    createNginxInstaller('nginx-custom', { ...choice, tlsPort, commands: { test, reload } }, context),
});
