/** Up to here a list is a plain array: a configuration of a thousand small files must not cost ten thousand buffers. */
const SHORT = 1024;

/** A growing list of numbers, at four bytes each when it is long. A class because it is called for every word of a file of megabytes. */
export class Column {
  length = 0;
  private cells: number[] | Int32Array = [];
  private room = SHORT;

  push(value: number): void {
    if (this.length === this.room) this.widen();
    this.cells[this.length++] = value;
  }

  at(index: number): number {
    return this.cells[index] as number;
  }

  set(index: number, value: number): void {
    this.cells[index] = value;
  }

  /** What was pushed. The room that was left to grow was never touched, so it takes no memory, and no copy is made. */
  sealed(): readonly number[] | Int32Array {
    return Array.isArray(this.cells) ? this.cells : this.cells.subarray(0, this.length);
  }

  private widen(): void {
    this.room *= 2;
    const wider = new Int32Array(this.room);
    wider.set(this.cells);
    this.cells = wider;
  }
}

/** The columns as they stay; short ones share one buffer. */
export function seal<C extends string>(columns: Readonly<Record<C, Column>>): Record<C, Int32Array> {
  const lists = Object.entries<Column>(columns).map(([name, column]) => [name, column.sealed()] as const);
  const shared = new Int32Array(lists.reduce((sum, [, list]) => sum + (Array.isArray(list) ? list.length : 0), 0));
  let at = 0;
  const entries = lists.map(([name, list]) => {
    if (list instanceof Int32Array) return [name, list] as const;
    shared.set(list, at);
    at += list.length;
    return [name, shared.subarray(at - list.length, at)] as const;
  });
  return Object.fromEntries(entries) as Record<C, Int32Array>;
}
