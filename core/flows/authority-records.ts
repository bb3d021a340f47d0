import type { CertkitError } from '../errors.ts';
import type { AuthorityState, Trouble } from '../model/authority-state.ts';
import type { Lineage } from '../model/lineage.ts';
import { afterTrouble, isOfTheAuthority, isOfTheOrder } from '../policy/authority-rest.ts';
import { ordersWithinHour, placeFreeAtMs } from '../policy/turns.ts';
import type { Needs } from './needs.ts';

type Records = Pick<Needs, 'store' | 'clock'>;

/** Names the lock under which it is written. Whoever holds it waits for no other. */
const LOCK = 'authorities';

/** Books a failure that is the CA's as a whole; answers `undefined` for one of the lineage's own, which may show that the CA works. */
export async function bookTrouble(lineage: Lineage, error: CertkitError, begunAtMs: number, records: Records): Promise<Trouble | undefined> {
  const { code, message, status, retryAtMs } = error;
  const seen = { code, message, ...(status === undefined ? {} : { status }), ...(retryAtMs === undefined ? {} : { retryAtMs }) };
  const { store, clock } = records;
  if (isOfTheOrder(seen, lineage.identifiers)) await clearTrouble(lineage, records);
  if (!isOfTheAuthority(seen, lineage.identifiers)) return undefined;
  return change(lineage, store, (state) => {
    const trouble = afterTrouble(state.trouble, seen, begunAtMs, clock.nowMs());
    return [{ ...state, trouble }, trouble];
  });
}

/** The CA has issued, or said no to one order. */
export async function clearTrouble(lineage: Lineage, { store }: Records): Promise<void> {
  if ((await store.authorities())[lineage.authority.directory]?.trouble === undefined) return;
  await change(lineage, store, ({ trouble: _over, ...rest }) => [rest, undefined]);
}

export interface Places {
  /** Until when there is no room; absent where the places are taken. */
  readonly freeAtMs?: number;
  /** So many orders within the hour, these included, where that is more than `orders_per_hour` allows. */
  readonly exceeded?: number;
}

/** Takes the places of a lineage's orders within `orders_per_hour`, before they are placed: two processes do not take the same. */
export async function takePlaces(lineage: Lineage, perHour: number, mayExceed: boolean, { store, clock }: Records): Promise<Places> {
  const wanted = lineage.keys.length;
  return change(lineage, store, (state): [AuthorityState, Places] => {
    const nowMs = clock.nowMs();
    const recent = ordersWithinHour(state.orders ?? [], nowMs);
    const freeAtMs = placeFreeAtMs(recent, wanted, perHour, nowMs);
    if (freeAtMs > nowMs && !mayExceed) return [state, { freeAtMs }];
    const orders = [...recent, ...Array<number>(wanted).fill(nowMs)];
    return [{ ...state, orders }, freeAtMs > nowMs ? { exceeded: orders.length } : {}];
  });
}

async function change<T>({ authority }: Lineage, store: Needs['store'], by: (state: AuthorityState) => readonly [AuthorityState, T]): Promise<T> {
  return store.withServerLock(LOCK, async () => {
    const states = await store.authorities();
    const before = states[authority.directory] ?? {};
    const [after, answer] = by(before);
    if (after !== before) await store.saveAuthorities({ ...states, [authority.directory]: after });
    return answer;
  });
}
