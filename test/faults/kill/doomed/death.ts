import { spawnSync } from 'node:child_process';
import { appendFileSync, readlinkSync } from 'node:fs';

/** Where in an effect the process may be ended. `begun`: a program runs, a request is sent. `torn`: half of the bytes are written. */
export type Moment = 'before' | 'begun' | 'torn' | 'after';

/** What the test tells this process, in its environment. */
interface Orders {
  /** The moment to die at, as the list of effects names it. */
  readonly dieAt?: string;
  /** Where effects are listed as they happen, a moment a line. */
  readonly list?: string;
  /** A server's own test, to be run after every effect on files that it may read; what it refuses is put on the list. */
  readonly judge?: readonly string[];
  /** Directories and what stands for them in the names of effects. */
  readonly places: readonly (readonly [path: string, word: string])[];
}

/** What leads to files that a server reads: the live link, versions, its configuration, placed files. */
const READ_BY_SERVERS = /(~\/(live|archive)|nginx|shelf)\//;

const orders: Orders = { places: [], ...JSON.parse(process.env.CERTKIT_TEST_ORDERS ?? '{}') };
const counts = new Map<string, number>();

/** The name of an effect: the same in every run, whatever was random in it, with a number where it happens again. */
export function named(words: string): string {
  let name = words.replace(/\/proc\/self\/fd\/(\d+)/g, (_, fd: string) => readlinkSync(`/proc/self/fd/${fd}`));
  for (const [path, word] of orders.places) name = name.replaceAll(path, word);
  name = name
    .replace(/\.certkit-[0-9a-f]+/g, '.certkit-*')
    .replace(/\b(deploy-)\d+-[0-9a-f]+/g, '$1*')
    .replace(/\b(hooks-)[0-9a-f]{16}/g, '$1*')
    .replace(/\b(stage-)[0-9a-f]+/g, '$1*')
    .replace(/(checkpoints\/deploy-\*\/\.?)[0-9a-f]{24}/g, '$1*')
    .replace(/(servers\/)[0-9a-f]{24}/g, '$1*')
    .replace(/(accounts\/)[^/ ]+/g, '$1*')
    .replace(/(acme-challenge\/)[^/ ]+/g, '$1*');
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  return `${name} #${count}`;
}

/** Dies here if this is the moment. */
export function reach(moment: Moment, name: string): void {
  const point = `${moment} ${name}`;
  note(point);
  if (point === orders.dieAt) die();
  if (moment === 'after' && orders.judge !== undefined && READ_BY_SERVERS.test(name)) judge(orders.judge, point);
}

/** Does something to the machine, and may die before, amid or after it. */
export async function effect<T>(words: string, act: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
  const name = named(words);
  reach('before', name);
  if (half !== undefined) {
    note(`torn ${name}`);
    if (orders.dieAt === `torn ${name}`) {
      await half();
      die();
    }
  }
  const result = await act();
  reach('after', name);
  return result;
}

function note(line: string): void {
  if (orders.list !== undefined) appendFileSync(orders.list, `${line}\n`);
}

function judge([file = '', ...args]: readonly string[], point: string): void {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) note(`refused ${point}: ${stderr.trim().replaceAll('\n', ' ')}`);
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // nothing more happens in this thread
}
