import { pluginFault } from 'certkit/plugin';

/** The news did not arrive. `because` and `hint` are for people; secrets are out of them already. */
export function undelivered(plugin: string, because: string, hint: string): Error {
  return pluginFault('PLUGIN_NOTIFY_FAILED', `${plugin} could not carry the news: ${because}`, hint);
}

export function invalidOption(plugin: string, option: string, because: string, hint: string): Error {
  return pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of ${plugin}: ${because}`, hint);
}

/** What an error says. A connection that was tried at several addresses fails with an error of many, which has no words itself. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return [...new Set(thrown.errors.map(reasonOf))].join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}
