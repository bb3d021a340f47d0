/** Up to here a list is a plain array: a configuration of a thousand small files must not cost ten thousand buffers. */
const SHORT = 1024;

/** A list that grows no more. */
export type Numbers = readonly number[] | Int32Array;

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
  sealed(): Numbers {
    return Array.isArray(this.cells) ? this.cells : this.cells.subarray(0, this.length);
  }

  private widen(): void {
    this.room *= 2;
    const wider = new Int32Array(this.room);
    wider.set(this.cells);
    this.cells = wider;
  }
}
