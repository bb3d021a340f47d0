// One certificate from process start to proven handshakes, and where the time goes. See README.md.
import { median, msText, prepare, startWorld, withEvents } from './measure.mjs';

const RUNS = Number(process.argv[2] ?? 9);
const TARGET_MS = 800;
const QUIET_MS = 200; // the probe waits for as long without seeing the old certificate

/** Phases in order; each ends with the last event of its type. */
const PHASES = [
  { until: 'ordering', title: 'process start, survey of the names, to the first order' },
  { until: 'presented', title: 'CA session, order, authorization, proof published' },
  { until: 'validating', title: 'the CA is told' },
  { until: 'issuing', title: 'validated' },
  { until: 'renewed', title: 'key, finalize, chain checked, stored' },
  { until: 'surveyed', title: 'survey of the server, baseline' },
  { until: 'tested', title: 'plan, staged test' },
  { until: 'applied', title: 'journal, files written' },
  { until: 'reloaded', title: 'test and reload' },
  { until: 'deployed', title: `probes, with ${QUIET_MS} ms of quiet` },
  { until: undefined, title: 'end of the process' },
];

const parts = await prepare();
// A site for each run: the first one also makes the account and is not counted.
const sites = Array.from({ length: RUNS + 1 }, (_, at) => `site${at}.test`);
const world = await startWorld(parts, sites);
try {
  const runs = [];
  for (const site of sites) {
    const [requestsBefore, reloadsBefore] = [world.pebble.requests().length, world.nginx.reloads()];
    const { ms, events } = await withEvents(world.flagsFor(site), world.home);
    runs.push({ ms, phases: phasesOf(events, ms), requests: world.pebble.requests().slice(requestsBefore), reloads: world.nginx.reloads() - reloadsBefore });
  }
  const counted = runs.slice(1);
  const total = median(counted.map(({ ms }) => ms));
  console.log(`one certificate, one name, warm account, ${sites.length} sites; median of ${RUNS} runs`);
  console.log(`  ${msText(total - QUIET_MS)} and ${QUIET_MS} ms of quiet (target ${TARGET_MS} ms); from ${counted.map(({ ms }) => Math.round(ms - QUIET_MS)).join(' ')}`);
  console.log('\nwhere it goes');
  for (const [at, { title }] of PHASES.entries()) {
    const ms = counted.map(({ phases }) => phases[at]).filter((one) => one !== undefined);
    if (ms.length > 0) console.log(`  ${msText(median(ms)).padStart(8)}   ${title}`);
  }
  const { requests, reloads } = counted.at(-1);
  console.log(`\n${requests.length} requests at the CA, ${reloads} reload`);
  console.log(`  ${requests.map(({ method, path }) => `${method} ${path}`).join(', ')}`);
} finally {
  await world.close();
}

/** Milliseconds of each phase; `undefined` for one whose event did not come. */
function phasesOf(events, totalMs) {
  let from = 0;
  return PHASES.map(({ until }) => {
    const atMs = until === undefined ? totalMs : events.filter(({ type }) => type === until).at(-1)?.atMs;
    if (atMs === undefined) return undefined;
    const ms = atMs - from;
    from = atMs;
    return ms;
  });
}
