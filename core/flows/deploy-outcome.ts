import type { CertkitError } from '../errors.ts';
import type { DeploymentDecision } from '../policy/deployment.ts';
import type { FileChange } from './change-set.ts';
import type { Setback } from './place.ts';

/** What became of one lineage in a deployment. */
export type DeployOutcome =
  | {
      readonly lineage: string;
      /**
       * `waiting`: the version is live, and its servers do not run; it is proven when they do.
       * `unused`: no server has a place for any of its names any more; renewals go on.
       */
      readonly result: 'deployed' | 'already-served' | 'waiting' | 'unused';
      readonly version: number;
      readonly servers: readonly string[];
      readonly setbacks: readonly Setback[];
    }
  | {
      readonly lineage: string;
      readonly result: 'planned';
      readonly version: number;
      /** The version is live already. */
      readonly isLive: boolean;
      readonly changes: readonly FileChange[];
      /** Those that would read the change, and can be asked whether they do. */
      readonly servers: readonly string[];
      readonly tested: boolean;
      readonly setbacks: readonly Setback[];
    }
  | { readonly lineage: string; readonly result: 'not-due'; readonly decision: DeploymentDecision }
  | { readonly lineage: string; readonly result: 'failed'; readonly error: CertkitError };
