import { defineAuthenticator } from 'certkit/plugin';
import { customChoice } from '../nginx/options.ts';
import { createNginxAuthenticator } from '../nginx/through-nginx.ts';

export default defineAuthenticator({
  name: 'nginx-custom',
  summary: 'Answers http-01 through an nginx that was built from source, or one of its forks, with one reload before and one after',
  options: customChoice,

  create: ({ 'test-command': test, 'reload-command': reload, ...choice }, context) =>
    createNginxAuthenticator('nginx-custom', { ...choice, commands: { test, reload } }, context),
});
