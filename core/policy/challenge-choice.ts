import type { Assessment, ChallengeType } from '../model/challenge.ts';

export type ChallengeChoice<C> = { readonly chosen: C } | { readonly unable: string } | { readonly able: readonly ChallengeType[] };

/** The first challenge type the authenticator prefers among those the CA offers for a name; else why there is none. */
export function chooseChallenge<C extends { readonly type: string }>(assessment: Assessment, offered: readonly C[]): ChallengeChoice<C> {
  if (!assessment.able) return { unable: assessment.because };
  for (const type of assessment.challenges) {
    const chosen = offered.find((challenge) => challenge.type === type);
    if (chosen !== undefined) return { chosen };
  }
  return { able: assessment.challenges };
}
