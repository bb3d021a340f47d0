import type { Notifier } from '../../plugins/contract.ts';
import { asCertkitError, type CertkitError, fault, faultFacts, faultInWords } from '../errors.ts';
import { type Channel, channelTitle } from '../model/channel.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Digest } from '../model/news.ts';
import { digestOf } from '../policy/news-digest.ts';
import { testNews } from '../policy/news-text.ts';
import type { SystemLog } from '../ports.ts';
import { callAll, type HeartbeatNeeds } from './heartbeat.ts';
import type { Needs } from './needs.ts';

export interface NotifyNeeds extends Pick<Needs, 'store' | 'clock' | 'tell' | 'signal'> {
  notifier(choice: PluginChoice): Promise<Notifier>;
  readonly systemLog: SystemLog;
}

/** What became of one message. */
export interface Carried {
  readonly channel: string;
  /** Absent when the channel has taken it. */
  readonly error?: CertkitError;
}

const LIMIT_MS = 60_000;

/** What became of the heartbeat: whether one is configured, and what failed. */
export interface Beaten {
  readonly configured: boolean;
  readonly errors: readonly CertkitError[];
}

export interface Tested {
  readonly channels: readonly Carried[];
  readonly heartbeat: Beaten;
}

/** Sends a test message to every channel and the heartbeat besides; or to the one channel that is named by its number, or to those of a plugin. */
export async function testTelling(asked: string | undefined, host: string, needs: NotifyNeeds & HeartbeatNeeds): Promise<Tested> {
  const called = asked === undefined ? await needs.store.heartbeat() : undefined;
  const [channels, errors] = await Promise.all([
    called !== undefined && (await needs.store.channels()).length === 0 ? [] : testChannels(asked, host, needs),
    called === undefined ? [] : callAll(called, needs),
  ]);
  for (const error of errors) needs.tell({ type: 'no-heartbeat', fault: faultFacts(error) });
  return { channels, heartbeat: { configured: called !== undefined, errors } };
}

async function testChannels(asked: string | undefined, host: string, needs: NotifyNeeds): Promise<readonly Carried[]> {
  const all = await needs.store.channels();
  const meant = all.filter(({ number, choice }) => asked === undefined || asked === String(number) || asked === choice.plugin);
  if (meant.length === 0) {
    const facts = { path: needs.store.settingsPath, known: all.map(channelTitle) };
    throw fault('USAGE_NO_CHANNEL', asked === undefined ? facts : { ...facts, asked });
  }
  const lineages = await needs.store.names();
  for (const channel of meant) {
    const unknown = channel.lineages?.filter((name) => !lineages.includes(name)) ?? [];
    if (unknown.length > 0) needs.tell({ type: 'note', text: `${channelTitle(channel)} is for lineages that are not there: ${unknown.join(', ')}` });
  }
  const digest = digestOf([testNews()], { host, atMs: needs.clock.nowMs() });
  return Promise.all(meant.map((channel) => carry(channel, digest, needs)));
}

/** Gives one message to a channel. That it does not take it is told, and never thrown: the others get theirs. */
export async function carry(channel: Channel, digest: Digest, needs: NotifyNeeds): Promise<Carried> {
  const title = channelTitle(channel);
  try {
    const made = await notifierOf(channel, needs);
    await withinLimit((signal) => made.notify(digest, signal), channel.choice.plugin, needs.signal);
    return { channel: title };
  } catch (thrown) {
    const error = asCertkitError(thrown);
    needs.tell({ type: 'untold', channel: title, fault: faultFacts(error) });
    return { channel: title, error };
  }
}

/** What is wrong with a channel as it is written is told with its place. */
async function notifierOf(channel: Channel, { notifier, store }: NotifyNeeds): Promise<Notifier> {
  try {
    return await notifier(channel.choice);
  } catch (thrown) {
    const { code, message, hint } = asCertkitError(thrown);
    throw faultInWords(code, `${await store.channelPlace(channel)}: ${message}`, hint, thrown);
  }
}

/** A plugin may not heed its signal; it is not waited for all the same. */
async function withinLimit(work: (signal: AbortSignal) => Promise<void>, plugin: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(LIMIT_MS);
  const ended = AbortSignal.any([signal, limit]);
  const end = new Promise<never>((_, reject) => {
    ended.addEventListener('abort', () =>
      reject(limit.aborted ? fault('PLUGIN_NOTIFY_FAILED', { plugin, because: `it was not done within ${LIMIT_MS / 1000} seconds` }) : signal.reason),
    );
  });
  await Promise.race([work(ended).catch((thrown: unknown) => (ended.aborted ? end : Promise.reject(thrown))), end]);
}
