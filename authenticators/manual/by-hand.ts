import { type AuthenticatorContext, type ChallengeTask, type Person, pluginFault } from 'certkit/plugin';
import { instructionText, neededFor } from './instruction.ts';
import { type Looking, lookFor } from './look.ts';

/**
 * Shows a person what to create for the tasks, and waits until it is there. Resolves when it was seen, or when they say so.
 *
 * @throws PLUGIN_PRESENT_FAILED when they give up or are gone
 */
export async function createdByHand(
  tasks: readonly ChallengeTask[],
  person: Person,
  looking: Looking | undefined,
  context: AuthenticatorContext,
): Promise<void> {
  person.show(neededFor(tasks, context.clock.nowMs()).map(instructionText).join('\n'));
  let missing = tasks;
  let question = 'Press Enter when all of it is there, or type q to give up: ';
  while (missing.length > 0) {
    const answer = (await person.ask(question))?.trim().toLowerCase();
    if (answer === undefined || answer === 'q') throw gaveUp(missing);
    if (answer === 'go' || looking === undefined) return;

    const sights = await lookFor(missing, looking, context);
    const names = missing.map(({ identifier }) => identifier.value);
    for (const [at, sight] of sights.entries()) if (sight.kind !== 'right') person.show(`${names[at]}: not seen: ${sight.because}`);
    // Behind NAT nothing can be seen from here: the person knows better.
    missing = missing.filter((_, at) => sights[at]?.kind !== 'right');
    question = 'Press Enter to look again, type "go" to have the CA look all the same, or q to give up: ';
  }
}

function gaveUp(tasks: readonly ChallengeTask[]): Error {
  return pluginFault(
    'PLUGIN_PRESENT_FAILED',
    `manual did not see the proof for ${tasks.map(({ identifier }) => identifier.value).join(', ')}: nobody created it`,
    'The CA was not asked, so nothing counts against a limit. Run the same command again when you like; it says anew what is to be created.',
  );
}
