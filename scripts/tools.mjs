// Prepares the real programs that tests and the demo run against, below .cache/tools.
//   node scripts/tools.mjs            all parts
//   node scripts/tools.mjs pebble     only this one
// Plain JavaScript without packages: it runs before `npm ci`.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createApt } from './tools/apt.mjs';
import { bind } from './tools/bind.mjs';
import { absoluteFacts, placeOf, readStamp, TOOLS_DIR, withLock, writePart } from './tools/cache.mjs';
import { cron } from './tools/cron.mjs';
import { nginx } from './tools/nginx.mjs';
import { nginxModules } from './tools/nginx-modules.mjs';
import { nginxRecent } from './tools/nginx-recent.mjs';
import { nginxSource } from './tools/nginx-source.mjs';
import { pebble } from './tools/pebble.mjs';
import { ToolError } from './tools/tool-error.mjs';

/** One recipe a part: `{ name, revision, intent, prepare(kit) }`; a new part is a new file and a line here. */
const recipes = [pebble, nginx, nginxModules, nginxSource, nginxRecent, cron, bind];

export const TOOL_NAMES = recipes.map(({ name }) => name);

/**
 * Makes sure that the named parts are there and says where their programs are.
 *
 * Two runs at the same time are fine: the second waits for the first and then finds everything in place.
 *
 * @param {readonly string[]} names - parts to prepare; all of them when not given
 * @param {{ say?: (line: string) => void }} options - where the lines about each step go; standard error when not given
 * @returns {Promise<Record<string, { version: string, paths: Record<string, string>, [fact: string]: unknown }>>} by part; the paths are absolute
 * @throws {ToolError} that says which part, what failed and what to do
 */
export async function ensureTools(names = TOOL_NAMES, { say = (line) => console.error(line) } = {}) {
  const wanted = (names.length === 0 ? TOOL_NAMES : names).map(recipeOf);
  const missing = wanted.filter((recipe) => readStamp(recipe) === undefined);
  if (missing.length > 0) {
    for (const { name, intent } of missing) say(`${name}: ${intent}`);
    await withLock(say, () => prepareAll(missing, say));
  }
  return Object.fromEntries(wanted.map((recipe) => [recipe.name, absoluteFacts(recipe)]));
}

function recipeOf(name) {
  const recipe = recipes.find((one) => one.name === name);
  if (recipe === undefined) throw new ToolError(name, 'is not a part that is known here', `Known are ${TOOL_NAMES.join(', ')}.`);
  return recipe;
}

function prepareAll(missing, say) {
  for (const recipe of missing) {
    // Looked at again under the lock: another run may have prepared it while this one waited.
    if (readStamp(recipe) !== undefined) continue;
    const sayHere = (line) => say(`${recipe.name}: ${line}`);
    const startedMs = Date.now();
    try {
      writePart(recipe, (dir) => recipe.prepare({ dir, say: sayHere, apt: createApt(sayHere) }));
    } catch (error) {
      if (!(error instanceof ToolError)) throw new ToolError(recipe.name, error.message, `Remove ${placeOf(recipe)} and try again.`, error);
      throw error.forPart(recipe.name);
    }
    sayHere(`ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const tools = await ensureTools(process.argv.slice(2), { say: (line) => console.log(line) });
    for (const [name, { version }] of Object.entries(tools)) console.log(`${name}: ${version} is in ${TOOLS_DIR}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
