// How long `certkit renew` takes when nothing is due, as a ratio to an empty Node process. See README.md.
import { MAIN, median, msText, prepare, startWorld, timed } from './measure.mjs';

const RUNS = Number(process.argv[2] ?? 15);
const TARGET = 1.6;

const parts = await prepare();
const empty = parts.tempDir();
const world = await startWorld(parts, ['start.test']);
try {
  timed([MAIN, ...world.flagsFor('start.test')], world.home);
  const contestants = [
    { title: 'node -e 0', args: ['-e', '0'], home: empty.path, ms: [] },
    { title: 'certkit renew, no lineage', args: [MAIN, 'renew'], home: empty.path, ms: [] },
    { title: 'certkit renew, one lineage, not due', args: [MAIN, 'renew'], home: world.home, ms: [] },
  ];
  // One of each in turn: what else the machine does then falls on all of them. The first round warms the caches.
  for (let round = 0; round <= RUNS; round++) {
    for (const { args, home, ms } of contestants) {
      const took = timed(args, home);
      if (round > 0) ms.push(took);
    }
  }
  const [base] = contestants;
  console.log(`${RUNS} runs, ratios to node -e 0 (target ${TARGET} for the median)${' '.repeat(6)}median          fastest`);
  for (const { title, ms } of contestants) {
    const column = (of) => `${msText(of(ms)).padStart(8)}  ${(of(ms) / of(base.ms)).toFixed(2)}`;
    console.log(`  ${title.padEnd(50)}${column(median)}   ${column((all) => Math.min(...all))}`);
  }
} finally {
  await world.close();
  empty.remove();
}
