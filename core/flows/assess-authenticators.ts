import { asCertkitError } from '../errors.ts';
import type { Identifier } from '../model/identifier.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Needs, OfferedAuthenticator } from './needs.ts';

/** What an installed authenticator could do here for all of some names. */
export type AuthenticatorVerdict = {
  /** With the options that a person gave the installer of the same name: one server is meant by both. */
  readonly choice: PluginChoice;
  readonly summary: string;
} & (
  | { readonly kind: 'works'; readonly unattended: boolean }
  /** Nobody can tell before it has these options. */
  | { readonly kind: 'asks'; readonly options: readonly { readonly option: string; readonly text: string }[] }
  | { readonly kind: 'cannot'; readonly reasons: readonly string[] }
);

/** An authenticator that looks for long is not waited for. */
const LIMIT_MS = 10_000;

/** Looks which of the installed authenticators would work now; the most useful first. Touches nothing and asks no CA. */
export async function assessAuthenticators(
  identifiers: readonly Identifier[],
  installers: readonly PluginChoice[],
  needs: Needs,
): Promise<readonly AuthenticatorVerdict[]> {
  const offered = await needs.plugins.authenticators();
  const verdicts = await Promise.all(offered.map((one) => assess(one, identifiers, installers, needs)));
  const isMeant = ({ choice }: AuthenticatorVerdict) => installers.some(({ plugin }) => plugin === choice.plugin);
  const rank = (verdict: AuthenticatorVerdict) => {
    if (verdict.kind !== 'works') return verdict.kind === 'asks' ? 2 : 4;
    if (!verdict.unattended) return 3; // nothing renews with it while nobody is there
    return isMeant(verdict) ? 0 : 1;
  };
  return verdicts.toSorted((a, b) => rank(a) - rank(b) || (a.choice.plugin < b.choice.plugin ? -1 : 1));
}

async function assess(
  { plugin, summary, required, error }: OfferedAuthenticator,
  identifiers: readonly Identifier[],
  installers: readonly PluginChoice[],
  needs: Needs,
): Promise<AuthenticatorVerdict> {
  const same = installers.find((installer) => installer.plugin === plugin);
  const choice: PluginChoice = { plugin, options: same?.options ?? {} };
  const cannot = (...reasons: readonly string[]): AuthenticatorVerdict => ({ choice, summary, kind: 'cannot', reasons });
  if (error !== undefined) return cannot(error.message);
  const missing = required.filter(({ option }) => choice.options[option] === undefined);
  if (missing.length > 0) return { choice, summary, kind: 'asks', options: missing };
  try {
    const prover = await needs.plugins.authenticator(choice);
    const reasons = identifiers.flatMap((identifier) => {
      const assessment = prover.assess(identifier);
      return assessment.able ? [] : [`${identifier.value}: ${assessment.because}`];
    });
    if (reasons.length > 0) return cannot(...reasons);
    await needs.servedPaths.find({ prover, identifiers, installers });
    await prover.foresee(identifiers[0]?.value ?? choice.plugin, identifiers, AbortSignal.any([needs.signal, AbortSignal.timeout(LIMIT_MS)]));
    return { choice, summary, kind: 'works', unattended: prover.unattended };
  } catch (thrown) {
    needs.signal.throwIfAborted();
    const { message, hint } = asCertkitError(thrown);
    return cannot(`${message}. ${hint}`);
  }
}
