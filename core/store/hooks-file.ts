import { isAbsolute } from 'node:path';
import { parseDuration } from '../model/duration.ts';
import type { HookDeclaration, HookDeclarations } from '../model/hook.ts';
import { type Decoder, list, Misfit, members, oneOf, optional, parsed } from './decode.ts';
import { formatDuration } from './lead-text.ts';

const declaration = members({ run: decodeCommand, once: optional(oneOf(['per-run', 'per-lineage'])), timeout: optional(parsed(parseDuration)) }, 'refused');

const ofEvent = optional(list(decodeHook));

/** `hooks:` of certkit.yaml and of a lineage's file. */
export const decodeHooks: Decoder<HookDeclarations> = members({ pre: ofEvent, post: ofEvent, renewed: ofEvent, deployed: ofEvent, failed: ofEvent }, 'refused');

/** The same as a file would say it. */
export function plainHooks(hooks: HookDeclarations): Record<string, unknown> {
  return Object.fromEntries(Object.entries(hooks).map(([event, declarations]) => [event, declarations.map(plainHook)]));
}

function plainHook({ run, once, timeoutMs }: HookDeclaration): unknown {
  if (once === undefined && timeoutMs === undefined) return run;
  return { run, ...(once === undefined ? {} : { once }), ...(timeoutMs === undefined ? {} : { timeout: formatDuration(timeoutMs) }) };
}

function decodeHook(value: unknown): HookDeclaration {
  if (Array.isArray(value) || typeof value === 'string') return { run: decodeCommand(value) };
  const { timeout, ...rest } = declaration(value);
  return { ...rest, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
}

function decodeCommand(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new Misfit('a program and its arguments are wanted as a list, such as [/usr/local/bin/push, --to, lb1]; no shell reads it');
  const words = value.map((word: unknown, at) => {
    if (typeof word !== 'string' && typeof word !== 'number') throw new Misfit('a text is wanted', [at]);
    return String(word);
  });
  const [program = ''] = words;
  if (program === '' || (program.includes('/') && !isAbsolute(program)))
    throw new Misfit('a program is named by its absolute path, or by its name alone where PATH has it', [0]);
  return words;
}
