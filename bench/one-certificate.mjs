// One certificate from process start to proven handshakes, and where the time goes. See README.md.
import { median, msText, prepare, startWorld, withEvents } from './measure.mjs';

const RUNS = Number(process.argv[2] ?? 9);
const TARGET_MS = 800;
const QUIET_MS = 200; // the probe waits for as long without seeing the old certificate

/** Phases in order; each ends where `isEnd` is first true after the one before it. */
const PHASES = [
  { title: 'process start, first look at the server', isEnd: ({ type }) => type === 'surveyed' },
  { title: 'the rest until the first order: the CA session', isEnd: ({ type }) => type === 'ordering' },
  { title: 'order, authorization, proof published', isEnd: ({ type }) => type === 'presented' },
  { title: 'validated by the CA', isEnd: ({ type }) => type === 'issuing' },
  { title: 'key, finalize, chain checked, stored', isEnd: ({ type }) => type === 'renewed' },
  { title: 'baseline, plan, staged test', isEnd: ({ type, staged }) => type === 'tested' && staged },
  { title: 'journal, copies, files written', isEnd: ({ type }) => type === 'applied' },
  { title: "the server's test, and the reload", isEnd: ({ type }) => type === 'reloaded' },
  { title: `probes, with ${QUIET_MS} ms of quiet`, isEnd: ({ type }) => type === 'deployed' },
  { title: 'end of the process', isEnd: () => false },
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
  console.log(
    `  ${msText(total - QUIET_MS)} and ${QUIET_MS} ms of quiet (target ${TARGET_MS} ms); from ${counted.map(({ ms }) => Math.round(ms - QUIET_MS)).join(' ')}`,
  );
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

/** Milliseconds of each phase; `undefined` for one that was not seen to end: its time is in the next one. */
function phasesOf(events, totalMs) {
  let from = 0;
  let next = 0;
  return PHASES.map(({ isEnd }, at) => {
    const found = events.findIndex((event, place) => place >= next && isEnd(event));
    if (found < 0 && at < PHASES.length - 1) return undefined;
    const atMs = found < 0 ? totalMs : events[found].atMs;
    if (found >= 0) next = found + 1;
    const ms = atMs - from;
    from = atMs;
    return ms;
  });
}
