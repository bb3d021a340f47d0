import type { Reporter, TestModule } from 'vitest/node';

/** Counts at the end, in one plain line; in CI a test that did not run has failed. */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    for (const test of skipped) console.log(`skipped: ${test.module.relativeModuleId} > ${test.fullName}`);
    console.log(`tests: ${count('passed')} passed, ${count('failed')} failed, ${skipped.length} skipped`);
    if (process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false' && skipped.length > 0) {
      console.log('In CI a skip is a failure.');
      process.exitCode = 1;
    }
  }
}
