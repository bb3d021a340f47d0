import type { Heartbeat } from '../model/heartbeat.ts';
import { isLoopbackHost } from '../model/loopback.ts';
import type { FileReader } from '../ports.ts';
import { type Decoder, list, Misfit, members, optional } from './decode.ts';
import type { Layout } from './layout.ts';
import { type Stamp, stampOf } from './stamp.ts';
import type { YamlFiles } from './yaml-files.ts';

export interface Heartbeats {
  /**
   * What certkit.yaml has below `heartbeat`. Read apart from the other settings, as `notify` is: a slip in it keeps nobody from renewing.
   * After an overview that found the index to hold, this loads no YAML parser.
   * @throws STORE_UNSAFE, STORE_UNREADABLE with the line
   */
  heartbeat(): Promise<Heartbeat | undefined>;
}

/** What the index remembers of it: `none` is an answer, absent is not. */
export type RememberedHeartbeat = Heartbeat | 'none';

/** For the index, which keeps it for runs that read nothing else of certkit.yaml. */
export interface CachedHeartbeats extends Heartbeats {
  /** Says what the index holds of certkit.yaml with this stamp. */
  recall(settings: Stamp, remembered: RememberedHeartbeat): void;
  /** What is to be kept of certkit.yaml as it is; `undefined` where it has a slip, which is told each time. */
  toRemember(): Promise<RememberedHeartbeat | undefined>;
}

export function createHeartbeats(layout: Layout, files: FileReader, yamlFiles: YamlFiles): CachedHeartbeats {
  let recalled: { readonly settings: Stamp; readonly remembered: RememberedHeartbeat } | undefined;
  const read = async () => (await yamlFiles.read(layout.settings, decodeHeartbeat))?.value;

  return {
    recall: (settings, remembered) => {
      recalled = { settings, remembered };
    },
    toRemember: () =>
      read().then(
        (heartbeat) => heartbeat ?? 'none',
        () => undefined, // told by `heartbeat`, to whom it concerns
      ),
    async heartbeat() {
      if (recalled === undefined || recalled.settings !== stampOf(await files.facts(layout.settings))) return read();
      return recalled.remembered === 'none' ? undefined : recalled.remembered;
    },
  };
}

const fields = members({ url: optional(address), fail_url: optional(address), command: optional(decodeCommand) }, 'refused');

export const decodeHeartbeat: Decoder<Heartbeat | undefined> = (value) => {
  const { heartbeat } = members({ heartbeat: optional(decodeMember) }, 'ignored')(value ?? {});
  return heartbeat;
};

function decodeMember(value: unknown): Heartbeat {
  const { url, fail_url: failUrl, command } = fields(value);
  if (url === undefined && command === undefined) throw new Misfit('"url" or "command" is missing: what to call after a good run');
  return { ...(url === undefined ? {} : { url }), ...(failUrl === undefined ? {} : { failUrl }), ...(command === undefined ? {} : { command }) };
}

/** The text is not repeated: who knows it can call. */
function address(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) throw new Misfit('a web address is wanted, https://...');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    throw new Misfit('https is wanted: without TLS anybody on the way can read it (http is for this machine alone)');
  return url.href;
}

function decodeCommand(value: unknown): readonly string[] {
  // YAML reads `[sleep, 1]` with a number in it.
  const words = list((word) => {
    if (typeof word === 'number') return String(word);
    if (typeof word !== 'string' || word.includes('\0')) throw new Misfit('a word of a command is a text');
    return word;
  })(value);
  if (words[0] === undefined || words[0].trim() === '') throw new Misfit('a program and its arguments are wanted, as a list');
  return words;
}
