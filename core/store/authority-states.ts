import { isCertkitError } from '../errors.ts';
import type { AuthorityStates } from '../model/authority-state.ts';
import type { Files } from '../ports.ts';
import { exactly, finite, list, mapOf, members, optional, text, whole } from './decode.ts';
import { readJson, writeJson } from './json-file.ts';
import type { Layout } from './layout.ts';

const FORMAT = 1;

const trouble = members({ failures: whole, lastAtMs: finite, lastCode: text, retryAtMs: optional(finite) }, 'ignored');
const decode = members(
  { format: exactly(FORMAT), authorities: mapOf(members({ trouble: optional(trouble), orders: optional(list(finite)) }, 'ignored')) },
  'ignored',
);

/** What is remembered of CAs: one small file, which every run reads. Written under the server lock `authorities`. */
export interface AuthorityRecords {
  authorities(): Promise<AuthorityStates>;
  saveAuthorities(states: AuthorityStates): Promise<void>;
}

export function createAuthorityRecords(layout: Layout, files: Files): AuthorityRecords {
  return {
    async authorities() {
      try {
        return (await readJson(files, layout.authorities, decode))?.authorities ?? {};
      } catch (thrown) {
        if (isCertkitError(thrown) && thrown.code === 'STORE_UNREADABLE') return {}; // costs a try too many, and it is written anew
        throw thrown;
      }
    },
    saveAuthorities: async (authorities) => writeJson(files, layout.authorities, { format: FORMAT, authorities }),
  };
}
