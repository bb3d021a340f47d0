import { type AtDeath, lookAtDeath, lostKeys } from './at-death.ts';
import { differenceOf, leftoversIn, type Picture, pictureOf } from './picture.ts';
import { choosePoints } from './points.ts';
import { takeSnapshot } from './snapshot.ts';
import { leavesOf, liveLeaf, startWatch, type Watched } from './watch.ts';
import type { Ended, World } from './world.ts';

export interface Scenario {
  readonly title: string;
  /** The command that is killed. */
  readonly args: readonly string[];
  /** What a person may have to do after the next unattended run; the command once more when not given. */
  readonly repeat?: readonly string[];
  /** What the next unattended run may owe to the person, by the error it ends with, as long as this was not written down. */
  readonly mayOwe?: Readonly<Record<string, 'agreed' | 'chosen'>>;
  /** What is half done stays so until the person gives the command again: nobody else may say what goes. */
  readonly byHand?: boolean;
  /** Nobody answers at the address before the deployment. */
  readonly silent?: boolean;
  /** Every run is among processes of its own. */
  readonly alone?: boolean;
  /** The machine goes down with the run: `certkit recover` alone, without a network, is to put right what the server then starts on. */
  readonly boot?: boolean;
  /** What else has to hold in the end. */
  readonly also?: { forget(): void; wrong(): readonly string[] };
  /** How many points outside of a full run. */
  readonly share: number;
}

export interface Tally extends Watched {
  readonly scenario: string;
  readonly effects: number;
  readonly moments: number;
  tried: number;
  survived: number;
  /** By the next unattended run alone; the others were undone by it, and done by the repeated command. */
  finished: number;
  /** The moment did not come in that run: its requests or turns were others. */
  notReached: number;
  readonly troubles: Trouble[];
  seconds: number;
}

export interface Trouble {
  readonly point: string;
  readonly what: readonly string[];
}

/** Runs the scenario once to its end, then once more for each point, killed there, and sees what the next runs make of it. */
export async function tryAllPoints(world: World, scenario: Scenario): Promise<Tally> {
  const startedMs = Date.now();
  const snapshot = await takeSnapshot(world);
  try {
    const begin = pictureOf(world);
    const whole = await world.run(scenario.args, { judged: scenario.boot !== true, alone: scenario.alone === true }); // the same without a boot is judged
    if (whole.exitCode !== 0) throw new Error(`the scenario fails without being killed:\n${whole.output}`);
    const end = pictureOf(world);
    const showsLive = (await world.served()) === liveLeaf(world);
    const refused = whole.moments.filter((moment) => moment.startsWith('refused '));
    const tally: Tally = {
      scenario: scenario.title,
      effects: whole.moments.filter((moment) => moment.startsWith('before ')).length,
      moments: whole.moments.length - refused.length,
      tried: 0,
      survived: 0,
      finished: 0,
      notReached: 0,
      troubles: refused.map((point) => ({ point, what: ["the server's own test refuses what is there at this moment"] })),
      seconds: 0,
      handshakes: 0,
      reloads: 0,
      cut: 0,
      straddled: 0,
    };
    for (const trouble of leftoversIn(end)) tally.troubles.push({ point: 'not killed', what: [`${trouble} is left`] });

    for (const point of choosePoints(whole.moments, scenario.share)) {
      await snapshot.restore();
      const what = await tryPoint(world, scenario, point, { begin, end, showsLive }, tally);
      if (what === undefined) tally.notReached++;
      else {
        tally.tried++;
        if (what.length === 0) tally.survived++;
        else tally.troubles.push({ point, what });
      }
    }
    await snapshot.restore();
    tally.seconds = Math.round((Date.now() - startedMs) / 1000);
    return tally;
  } finally {
    snapshot.remove();
  }
}

interface Pictures {
  readonly begin: Picture;
  readonly end: Picture;
  /** The server shows the live version in the end. */
  readonly showsLive: boolean;
}

/** What is wrong after a kill at this point; `undefined` when the run ended before it came there. */
async function tryPoint(world: World, scenario: Scenario, point: string, pictures: Pictures, tally: Tally): Promise<readonly string[] | undefined> {
  const silent = scenario.silent === true;
  const watch = scenario.boot === true ? undefined : startWatch(world, tally, { silent });
  try {
    scenario.also?.forget();
    const before = await world.served();
    const killed = await world.run(scenario.args, { dieAt: point, alone: scenario.alone === true });
    if (killed.signal !== 'SIGKILL') return killed.exitCode === 0 ? undefined : [`not killed, and it failed: ${shown(killed)}`];

    const atDeath = lookAtDeath(world);
    const { ok, output } = world.nginx.test();
    const wrong = ok ? [] : [`the server would not start on what the killed run left: ${output}`];
    const ordersBefore = world.orders();
    if (scenario.boot === true) wrong.push(...(await boot(world, before, silent)));
    wrong.push(...(await goOn(world, scenario, pictures, atDeath, tally)), ...lostKeys(world, atDeath), ...(scenario.also?.wrong() ?? []));
    const placed = world.orders() - ordersBefore;
    if (placed > 1 || (placed > 0 && atDeath.orders.length > 0)) wrong.push(`${placed} orders were placed, and ${atDeath.orders.length} known`);
    return [...wrong, ...((await watch?.stop()) ?? [])];
  } finally {
    await watch?.stop();
  }
}

/** The next unattended run finishes or undoes what was left; what it undid, the repeated command does. */
async function goOn(
  world: World,
  { args, repeat = args, mayOwe = {}, byHand = false, alone = false }: Scenario,
  { begin, end, showsLive }: Pictures,
  atDeath: AtDeath,
  tally: Tally,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const next = await world.run(['renew'], { alone });
  const owes = next.exitCode !== 0 && Object.entries(mayOwe).some(([code, written]) => next.output.includes(code) && !atDeath[written]);
  if (next.exitCode !== 0 && !owes) wrong.push(`the next renew fails: ${shown(next)}`);
  const afterNext = pictureOf(world);
  wrong.push(...leftoversIn(afterNext).map((name) => `after the next renew ${name} is left`));
  const said = [`the next renew said:\n${next.output}`];
  if (differenceOf(end, afterNext).length === 0) tally.finished++;
  else {
    // An empty home has no picture: the run that finds it makes its folders.
    const undone = begin.has('home/lineages') ? differenceOf(begin, afterNext) : [...afterNext.keys()].filter((name) => name.startsWith('home/lineages/'));
    if (!owes && !byHand && undone.length > 0) wrong.push(`the next renew neither finished nor undid it: ${undone.join('; ')}`);
    const repeated = await world.run(repeat, { alone });
    if (repeated.exitCode !== 0) wrong.push(`the repeated command fails: ${shown(repeated)}`);
    said.push(`the repeated command said:\n${repeated.output}`);
  }
  wrong.push(...differenceOf(end, pictureOf(world)));
  const [leaf, live] = [await world.served(), liveLeaf(world)];
  if (showsLive && leaf !== live) wrong.push(`the server shows ${leaf}, and live is ${live}`);
  return wrong.length === 0 ? [] : [...wrong, ...said];
}

/** The machine is down, and comes up again: first recovery, alone and offline, then the server. */
async function boot(world: World, before: string | undefined, silent: boolean): Promise<readonly string[]> {
  const { nginx, pebble } = world;
  await nginx.halt();
  const asked = pebble.requests().length;
  const recovered = await world.run(['recover'], { offline: true });
  const wrong = recovered.exitCode === 0 ? [] : [`recover fails: ${shown(recovered)}`];
  if (pebble.requests().length !== asked) wrong.push('recover asked the CA');
  // An order that is open, and the key that waits for it, are gone on with by the next renewal.
  const open = /state\/journal\/renew-|\/\.\d{4,}$/;
  wrong.push(...leftoversIn(pictureOf(world)).flatMap((name) => (open.test(name) ? [] : [`after recover ${name} is left`])));
  await nginx.start();
  const leaf = await world.served();
  if (leaf === undefined ? !silent : leaf !== before && !leavesOf(world).includes(leaf))
    wrong.push(`after recover the server shows ${leaf}, and showed ${before}`);
  return wrong.length === 0 ? [] : [...wrong, `recover said:\n${recovered.output}`];
}

const shown = ({ exitCode, signal, output }: Ended) => `exit ${exitCode ?? signal}\n${output}`;

/** For the test's message: every point that was not survived, and what was wrong. */
export function troublesText({ troubles }: Tally): string {
  return troubles.map(({ point, what }) => `\n${point}\n  ${what.join('\n').replaceAll('\n', '\n  ')}`).join('\n');
}

export function tallyText(tally: Tally): string {
  const { scenario, effects, moments, tried, survived, finished, notReached, handshakes, reloads, cut, straddled, seconds } = tally;
  return (
    `killed: ${scenario}: ${effects} effects, ${moments} moments; tried ${tried}, survived ${survived} (${finished} finished by the next renew, ` +
    `${tried - finished} by the repeated command), ${notReached} not reached; ${handshakes} handshakes (${cut} cut), ${reloads} reloads at random (${straddled} straddled a switch); ${seconds} s`
  );
}
