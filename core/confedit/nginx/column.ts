/** A growing list of numbers at four bytes each. A class because it is called for every word of a file of megabytes. */
export class Column {
  length = 0;
  private cells = new Int32Array(64);

  push(value: number): void {
    if (this.length === this.cells.length) {
      const wider = new Int32Array(this.length * 2);
      wider.set(this.cells);
      this.cells = wider;
    }
    this.cells[this.length++] = value;
  }

  at(index: number): number {
    return this.cells[index] as number;
  }

  set(index: number, value: number): void {
    this.cells[index] = value;
  }

  /** What was pushed. Of a long list no copy is made: the room that was left to grow was never touched, so it takes no memory. */
  sealed(): Int32Array {
    return this.length < 65_536 ? this.cells.slice(0, this.length) : this.cells.subarray(0, this.length);
  }
}
