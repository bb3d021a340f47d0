// Where prepared parts stand, and how a part becomes complete in one step.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToolError } from './tool-error.mjs';

export const TOOLS_DIR = fileURLToPath(new URL('../../.cache/tools', import.meta.url));

const LOCK_WAIT_SECONDS = 1800;

export const placeOf = ({ name }) => join(TOOLS_DIR, name);

/** What was recorded when the part was prepared; `undefined` when it is not there, was made by another revision, or lost a file. */
export function readStamp(recipe) {
  try {
    const stamp = JSON.parse(readFileSync(join(placeOf(recipe), 'stamp.json'), 'utf8'));
    if (stamp.revision !== recipe.revision || stamp.arch !== process.arch) return undefined;
    for (const path of Object.values(stamp.facts.paths)) statSync(join(placeOf(recipe), path));
    return stamp;
  } catch {
    return undefined; // absent or unreadable are the same here: it is prepared anew
  }
}

/** The facts of a prepared part, its paths made absolute. */
export function absoluteFacts(recipe) {
  const { facts } = readStamp(recipe);
  const paths = Object.entries(facts.paths).map(([key, path]) => [key, join(placeOf(recipe), path)]);
  return { ...facts, paths: Object.fromEntries(paths) };
}

/** Lets `make` fill a directory beside the final one; only a whole part gets the final name. */
export function writePart(recipe, make) {
  const draft = mkdtempSync(join(TOOLS_DIR, `.${recipe.name}-`));
  try {
    const facts = make(draft);
    writeFileSync(join(draft, 'stamp.json'), JSON.stringify({ revision: recipe.revision, arch: process.arch, facts }, undefined, 2));
    spawnSync('chmod', ['0755', draft]); // mkdtemp makes 0700; servers' workers run as somebody else
    rmSync(placeOf(recipe), { recursive: true, force: true });
    renameSync(draft, placeOf(recipe));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The kernel's lock, taken by util-linux `flock` on a descriptor of ours: it is freed when this process ends, however it ends. */
export async function withLock(say, work) {
  const fd = openLock();
  try {
    const flock = (...args) => spawnSync('flock', [...args, '3'], { stdio: ['ignore', 'ignore', 'inherit', fd] });
    if (flock('--exclusive', '--nonblock').status !== 0) {
      say('another run is preparing parts; waiting for it');
      const { status, error } = flock('--exclusive', '--wait', String(LOCK_WAIT_SECONDS));
      if (status !== 0)
        throw new ToolError(
          undefined,
          `the lock on ${TOOLS_DIR} was not to be had (${error?.message ?? `flock ended with ${status}`})`,
          'See whether another run hangs, end it, and try again.',
        );
    }
    return await work();
  } finally {
    closeSync(fd);
  }
}

function openLock() {
  try {
    mkdirSync(TOOLS_DIR, { recursive: true });
    return openSync(join(TOOLS_DIR, '.lock'), 'a');
  } catch (error) {
    throw new ToolError(
      undefined,
      `cannot write below ${TOOLS_DIR}: ${error.message}`,
      'It may belong to another user: remove it, or run this as its owner.',
      error,
    );
  }
}
