import type { PluginChoice } from './lineage.ts';
import type { NewsKind } from './news.ts';

/** One way that news goes: a notifier, and what it is to hear of. */
export interface Channel {
  /** Its place in the list, counted from 1. */
  readonly number: number;
  readonly choice: PluginChoice;
  readonly on: readonly NewsKind[];
  /** Absent: all. News of no single lineage is for every channel. */
  readonly lineages?: readonly string[];
}

/** What a person calls it. */
export function channelTitle({ number, choice }: Channel): string {
  return `channel ${number} (${choice.plugin})`;
}
