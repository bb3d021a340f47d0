/** Says which part could not be prepared, what failed, and what a person can do about it. */
export class ToolError extends Error {
  constructor(part, problem, remedy, cause) {
    super(`${part === undefined ? '' : `${part}: `}${problem}${remedy === '' ? '' : `\n  ${remedy}`}`, cause === undefined ? {} : { cause });
    this.name = 'ToolError';
    this.part = part;
    this.problem = problem;
    this.remedy = remedy;
  }

  /** The same error, for the recipe that was under way when a shared step failed. */
  forPart(part) {
    return this.part === undefined ? new ToolError(part, this.problem, this.remedy, this) : this;
  }
}
