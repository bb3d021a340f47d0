import type { DnsProvider, DnsProviderDefinition, OptionDeclarations } from 'certkit/plugin';
import { createExecutor } from '../../../../core/edges/exec.ts';
import { createDnsProvider } from '../../../../plugins/guard.ts';
import { disk } from '../../../plugins/disk.ts';

export const never: AbortSignal = new AbortController().signal;

/** A PATH with this directory first. */
export const pathWith = (bin: string): string => `${bin}:${process.env.PATH ?? ''}`;

/** A provider as core makes it: options read, errors checked and masked. */
export function make<D extends OptionDeclarations>(
  definition: DnsProviderDefinition<D>,
  options: Record<string, unknown>,
  path = process.env.PATH ?? '',
): DnsProvider {
  return createDnsProvider(definition as unknown as DnsProviderDefinition, options, {
    files: disk,
    programs: createExecutor({ path }),
    log: { debug() {}, warn() {} },
  });
}

/** What went wrong: code, message and hint; fails when nothing did. */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<{ code: string; message: string; hint: string }> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (thrown) {
    const { code, message, hint } = thrown as { code: string; message: string; hint: string };
    return { code, message, hint };
  }
  throw new Error('it succeeded');
}

export const record = (name: string, value: string) => ({ name, value, ttlSeconds: 60 });
