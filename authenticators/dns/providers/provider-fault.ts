import { pluginFault } from 'certkit/plugin';

/** Colours, and characters that move a terminal's cursor: programs and services send what they like. */
const CONTROLS = /\x1b\[[0-9;]*[A-Za-z]|[\0-\x09\x0b-\x1f\x7f-\x9f]/g;

const MOST_CHARS = 2_000;

/** A change of records did not happen. `because` and `hint` are for people; secrets are out of them already. */
export function changeFault(provider: string, zone: string, because: string, hint: string): Error {
  const said = because.replace(CONTROLS, '');
  const shown = said.length > MOST_CHARS ? `${said.slice(0, MOST_CHARS)}...` : said;
  return pluginFault('PLUGIN_DNS_FAILED', `${provider} could not change the records of ${zone}: ${shown}`, hint);
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
