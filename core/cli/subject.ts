import { fault } from '../errors.ts';
import type { Subject } from '../model/configuration.ts';
import { readLineageName } from './wanted-lineage.ts';

/** Whose configuration a command line means. */
export function subjectMeant(name: string | undefined, system: boolean): Subject {
  if (system && name !== undefined) throw fault('USAGE_INVALID', { problem: `--system means certkit.yaml; "${name}" was named as well` });
  if (system) return { kind: 'system' };
  if (name === undefined) throw fault('USAGE_NEEDS', { what: 'The name of a lineage', option: 'it, or --system for certkit.yaml' });
  return { kind: 'lineage', name: readLineageName(name) };
}
