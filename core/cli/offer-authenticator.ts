import type { Certkit } from '../composition.ts';
import { fault } from '../errors.ts';
import type { AuthenticatorVerdict } from '../flows/assess-authenticators.ts';
import type { Identifier } from '../model/identifier.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Terminal } from './output.ts';
import { askFor } from './questions.ts';

/**
 * Proposes an authenticator where none was named: what would work here first, and why the others would not.
 *
 * @throws USAGE_NO_AUTHENTICATOR, with the same reasons, where nobody is there to choose
 */
export async function offerAuthenticator(
  identifiers: readonly Identifier[],
  installers: readonly PluginChoice[],
  certkit: Certkit,
  terminal: Terminal,
): Promise<PluginChoice> {
  const verdicts = await certkit.assessAuthenticators(identifiers, installers);
  const names = identifiers.map(({ value }) => value);
  if (!terminal.interactive) throw fault('USAGE_NO_AUTHENTICATOR', { names, verdicts: verdicts.map(verdictText) });

  const usable = verdicts.filter(({ kind }) => kind !== 'cannot');
  const unusable = verdicts.filter(({ kind }) => kind === 'cannot');
  terminal.err(`How control of ${names.join(', ')} can be proven from here:\n`);
  for (const [at, verdict] of usable.entries()) terminal.err(`  ${at + 1}  ${verdictText(verdict)}\n`);
  for (const verdict of unusable) terminal.err(`  -  ${verdictText(verdict)}\n`);
  if (usable.length === 0) throw fault('USAGE_NO_AUTHENTICATOR', { names, verdicts: verdicts.map(verdictText) });

  const [first] = usable;
  const proposed = first?.kind === 'works' ? first : undefined;
  const chosen = await askFor(terminal, proposed === undefined ? 'Which? ' : `Which? [1, ${proposed.choice.plugin}] `, (answer) => {
    const meant = answer === '' ? proposed : (usable[Number(answer) - 1] ?? usable.find(({ choice }) => choice.plugin === answer));
    return meant === undefined ? { ok: false, because: `A number from 1 to ${usable.length}, please.` } : { ok: true, value: meant };
  });
  return { plugin: chosen.choice.plugin, options: { ...chosen.choice.options, ...(await askForOptions(chosen, terminal)) } };
}

async function askForOptions(chosen: AuthenticatorVerdict, terminal: Terminal): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const { option, text } of chosen.kind === 'asks' ? chosen.options : []) {
    values[option] = await askFor(terminal, `${text} (${option}): `, (answer) =>
      answer === '' ? { ok: false, because: 'It cannot do without.' } : { ok: true, value: answer },
    );
  }
  return values;
}

/** `nginx: would work. Has nginx answer ...` */
function verdictText(verdict: AuthenticatorVerdict): string {
  const { choice, summary } = verdict;
  switch (verdict.kind) {
    case 'works':
      return `${choice.plugin}: would work${verdict.unattended ? '' : ' with you here each time'}. ${summary}`;
    case 'asks':
      return `${choice.plugin}: needs ${verdict.options.map(({ option }) => `--${choice.plugin}-${option}`).join(', ')}. ${summary}`;
    case 'cannot':
      return `${choice.plugin}: cannot. ${verdict.reasons.join('; ').replaceAll('\n', '\n    ')}`;
  }
}
