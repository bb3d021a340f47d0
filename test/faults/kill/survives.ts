import { expect } from 'vitest';
import { type Scenario, tallyText, troublesText, tryAllPoints } from './survive.ts';
import type { World } from './world.ts';

/** A full run takes its time. */
export const HOURS = { timeout: 4 * 3_600_000 };

/** Every chosen point is survived; the counts are printed. */
export async function survives(world: World, scenario: Scenario): Promise<void> {
  const tally = await tryAllPoints(world, scenario);
  console.log(tallyText(tally));
  expect(troublesText(tally)).toBe('');
  expect(tally.tried).toBeGreaterThan(0);
}

/** A step on the way to a scenario. */
export async function must(world: World, args: readonly string[]): Promise<void> {
  const { exitCode, output } = await world.run(args);
  expect(exitCode, output).toBe(0);
}

/** A run that is killed at this moment. */
export async function cutOff(world: World, args: readonly string[], dieAt: string): Promise<void> {
  const { signal, output } = await world.run(args, { dieAt });
  expect(signal, output).toBe('SIGKILL');
}
