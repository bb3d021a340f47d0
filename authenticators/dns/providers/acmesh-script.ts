import type { TxtRecord } from 'certkit/plugin';
import type { Installation } from './acmesh-installation.ts';

/** How a call ends, beside 0: from the script below, but for the last. */
export const ENDINGS = { failed: 10, noScript: 11, badScript: 12, noFunction: 13, locked: 14 } as const;

/** For the calls of acme.sh that came before to end. */
export const LOCK_WAIT_SECONDS = 900;

/**
 * What a shell of its own runs, with acme.sh's path as `$0` and, as arguments, the name of a dnsapi script, `add` or `rm`, the name and the value.
 * Nothing is filled in here.
 *
 * acme.sh, read by another script, shows its help when it has no arguments; by then its functions are there, `_initpath` has read
 * account.conf, and `_findHook` knows its places for scripts. Then it is what `acme.sh --issue --dns` does for each record.
 */
const RECORD_SCRIPT = `
certkit_script=$1 certkit_verb=$2 certkit_name=$3 certkit_value=$4
set --
. "$0" >/dev/null || exit ${ENDINGS.badScript}
_initpath
certkit_file=$(_findHook "" dnsapi "$certkit_script")
[ -n "$certkit_file" ] || exit ${ENDINGS.noScript}
. "$certkit_file" || exit ${ENDINGS.badScript}
_exists "\${certkit_script}_$certkit_verb" || exit ${ENDINGS.noFunction}
"\${certkit_script}_$certkit_verb" "$certkit_name" "$certkit_value" || exit ${ENDINGS.failed}
`;

/** One call of a function of a dnsapi script, under a lock on acme.sh that ends with it. */
export function callOf({ program, shell }: Installation, script: string, verb: 'add' | 'rm', { name, value }: TxtRecord): readonly [string, ...string[]] {
  const lock = ['--no-fork', '--wait', String(LOCK_WAIT_SECONDS), '--conflict-exit-code', String(ENDINGS.locked), program];
  return ['flock', ...lock, shell, '-c', RECORD_SCRIPT, program, script, verb, name, value];
}
