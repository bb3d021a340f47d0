/** Where a half-done effect can be met: what makes versions, links, entries, orders and other people's files. */
const BOUNDARY = [
  /^(before|after) rename .* to ~\/(live|archive)\//,
  /^(before|after) rename .* to ~\/state\/journal\//,
  /^(before|after) (rename .* to|unlink) (nginx|shelf)/,
  /^(before|after) (rename .* to|unlink) ~\/state\/written\//,
  /^(before|after) unlink ~\/(state\/journal|lineages|live)\//,
  /^(begun|after) POST \/(order-plz|chalZ|finalize-order|certZ|sign-me-up)/,
  /^(before|begun|after) run (ngxreload|hook-)/,
  /^torn (rm|write (nginx|shelf))/,
];

/**
 * The moments of an uninterrupted run at which runs are killed.
 *
 * `CERTKIT_FAULTS=all` takes them all, `CERTKIT_FAULTS=<pattern>` those that match; else it is `share` of them, spread evenly, boundaries first.
 * `CERTKIT_FAULT_SHARD=2/4` takes the second quarter of that.
 */
export function choosePoints(moments: readonly string[], share: number): readonly string[] {
  const wanted = process.env.CERTKIT_FAULTS ?? '';
  const [shard = 1, shards = 1] = (process.env.CERTKIT_FAULT_SHARD ?? '1/1').split('/').map(Number);
  const candidates = moments.filter((moment) => !moment.startsWith('refused '));
  return chosen(candidates, wanted, share).filter((_, at) => at % shards === shard - 1);
}

function chosen(moments: readonly string[], wanted: string, share: number): readonly string[] {
  if (wanted === 'all') return moments;
  if (wanted !== '') return moments.filter((moment) => new RegExp(wanted).test(moment));
  const boundaries = moments.filter((moment) => BOUNDARY.some((pattern) => pattern.test(moment)));
  const others = moments.filter((moment) => !boundaries.includes(moment));
  const first = thinned(boundaries, share);
  const rest = thinned(others, Math.max(0, share - first.length));
  return moments.filter((moment) => first.includes(moment) || rest.includes(moment));
}

function thinned<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, at) => all[Math.floor(((at + 0.5) * all.length) / count)] as T);
}
