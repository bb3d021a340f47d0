import type { Assessment, Identifier, PluginContext, ServerAuthenticator } from 'certkit/plugin';
import { planAnswers } from './answer.ts';
import type { Commands } from './control.ts';
import { createNginxInstaller } from './installer.ts';
import type { Choice } from './instance.ts';

/** An authenticator that answers http-01 through the one nginx that the options mean. */
export function createNginxAuthenticator(name: string, choice: Choice & { readonly commands: Commands }, context: PluginContext): ServerAuthenticator {
  const { survey, test, reload } = createNginxInstaller(name, { ...choice, tlsPort: 443, redirect: false, hsts: undefined, tlsProfile: undefined }, context);
  return { through: 'server', unattended: true, assess, plan: planAnswers, survey, test, reload };
}

function assess({ wildcard }: Identifier): Assessment<'http-01'> {
  if (wildcard) return { able: false, because: 'http-01 cannot prove a wildcard name; use a dns authenticator' };
  return { able: true, challenges: ['http-01'] }; // IP addresses as well: RFC 8738 section 3
}
