import { pluginFault } from 'certkit/plugin';

/** A change of records did not happen. `because` and `hint` are for people; secrets are out of them already. */
export function changeFault(provider: string, zone: string, because: string, hint: string): Error {
  return pluginFault('PLUGIN_DNS_FAILED', `${provider} could not change the records of ${zone}: ${because}`, hint);
}

export function invalidOption(provider: string, option: string, because: string, hint: string): Error {
  return pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of ${provider}: ${because}`, hint);
}

/** The code of an error of core or of a plugin, where it has one. */
export function codeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
}

export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
