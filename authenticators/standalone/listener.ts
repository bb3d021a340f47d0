import type { Server } from 'node:net';
import { closeAll, type Door, openAll, type Place } from './doors.ts';

/** What is asked for, and listens while it is. */
export interface Listener<T> {
  readonly place: Place;
  /** Answers for these tasks as well, and says where: `0.0.0.0:80`, `[::]:80`. Rejects when it cannot listen. */
  publish(tasks: readonly T[], signal: AbortSignal): Promise<readonly string[]>;
  withdraw(token: string): Promise<void>;
  /** Rejects when it could not listen now. */
  tryOut(): Promise<void>;
}

/**
 * Listens from the first task to the last, on every address or on none.
 *
 * @param answerTo - what is kept for a task, by its token
 * @param serve - a server that answers from what is kept now
 */
export function createListener<T extends { readonly token: string }, A>(
  place: Place,
  answerTo: (task: T) => A,
  serve: (answers: ReadonlyMap<string, A>) => Server,
): Listener<T> {
  const answers = new Map<string, A>();
  let doors: readonly Door[] = [];
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: it must not close while a batch that found it open is being published. */
  function inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  }

  async function open(): Promise<void> {
    if (doors.length === 0) doors = await openAll(place, () => serve(answers));
  }

  async function closeUnlessNeeded(): Promise<void> {
    if (answers.size > 0) return;
    await closeAll(doors);
    doors = [];
  }

  return {
    place,
    publish: (tasks, signal) =>
      inTurn(async () => {
        signal.throwIfAborted();
        await open();
        if (!signal.aborted) for (const task of tasks) answers.set(task.token, answerTo(task));
        await closeUnlessNeeded();
        signal.throwIfAborted();
        return doors.map(({ at }) => at);
      }),
    withdraw: (token) =>
      inTurn(async () => {
        answers.delete(token);
        await closeUnlessNeeded();
      }),
    tryOut: () =>
      inTurn(async () => {
        await open();
        await closeUnlessNeeded();
      }),
  };
}

/** The same listener for whoever names the same place. */
export function onePerPlace<T, N extends readonly unknown[]>(create: (place: Place, ...needs: N) => Listener<T>): (place: Place, ...needs: N) => Listener<T> {
  const made = new Map<string, Listener<T>>();
  return (place, ...needs) => {
    const key = `${place.addresses.join(' ')} ${place.port}`;
    const listener = made.get(key) ?? create(place, ...needs);
    made.set(key, listener);
    return listener;
  };
}
