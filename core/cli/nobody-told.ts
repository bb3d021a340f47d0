/** Said where somebody sets up what runs by itself, while there is no channel. */
export const NOBODY_IS_TOLD =
  'Nobody is told when a renewal fails: there is no "notify" in certkit.yaml. "certkit notify test" shows how to write one. Until then failures are in the system log (syslog) alone.';
