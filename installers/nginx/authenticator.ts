import { defineAuthenticator } from 'certkit/plugin';
import { stockChoice } from './options.ts';
import { createNginxAuthenticator } from './through-nginx.ts';

export default defineAuthenticator({
  name: 'nginx',
  summary: 'Answers http-01 through the nginx of this machine, with one reload before and one after',
  options: stockChoice,

  create: (choice, context) => createNginxAuthenticator('nginx', { ...choice, commands: {} }, context),
});
