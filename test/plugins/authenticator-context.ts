import type { AuthenticatorContext, PluginContext, PluginFiles } from 'certkit/plugin';

const unasked = async (): Promise<never> => {
  throw new Error('this test has no DNS');
};

/** What an authenticator sees that asks nobody. */
export function authenticatorContext(given: PluginContext<PluginFiles> & Partial<AuthenticatorContext>): AuthenticatorContext {
  return {
    dns: { place: unasked, txt: unasked, addresses: unasked },
    dnsProviders: { find: unasked },
    http: { look: async () => ({ kind: 'right' }) },
    clock: { nowMs: () => Date.now() },
    ...given,
  };
}
