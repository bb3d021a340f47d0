#!/usr/bin/env node
import { accessSync, constants, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Set by the build: names the text of main.cjs. */
declare const CERTKIT_BUILD: string;

/*
 * Runs main.cjs with V8's code cache for it, which the first run leaves beside it where it may write: a third of what certkit
 * takes to find that nothing is due would go into compiling. Whoever could write the cache could write the program.
 * It is for one text and one node, and written twice: V8 would take a damaged one for good.
 */
const program = join(import.meta.dirname, 'main.cjs');
const node = statSync(process.execPath);
const cacheFile = join(import.meta.dirname, `main-${CERTKIT_BUILD}-${process.version}-${node.size}-${Math.floor(node.mtimeMs)}.cache`);
const isCaching = process.env.NODE_DISABLE_COMPILE_CACHE === undefined; // as later versions of Node call it

const cached = isCaching ? readCache() : undefined;
// A function expression, in ASCII.
const script = new Script(readFileSync(program, 'latin1'), { filename: program, ...(cached === undefined ? {} : { cachedData: cached }) });
if (isCaching && process.argv.includes('renew') && (cached === undefined || script.cachedDataRejected === true)) process.once('exit', writeCache);

const module = { exports: {} };
script.runInThisContext()(module.exports, require, module, program, import.meta.dirname);

function readCache(): Buffer | undefined {
  try {
    const bytes = readFileSync(cacheFile);
    const half = bytes.subarray(0, bytes.length / 2);
    return half.equals(bytes.subarray(half.length)) ? half : undefined;
  } catch {
    return undefined;
  }
}

/** At the end, when all is compiled that such a run uses. */
function writeCache(): void {
  const temporary = `${cacheFile}.${process.pid}`;
  try {
    accessSync(import.meta.dirname, constants.W_OK);
    const bytes = script.createCachedData();
    writeFileSync(temporary, Buffer.concat([bytes, bytes]), { flag: 'wx', flush: true });
    for (const file of readdirSync(import.meta.dirname)) if (file.endsWith('.cache')) rmSync(join(import.meta.dirname, file), { force: true });
    renameSync(temporary, cacheFile);
  } catch {
    rmSync(temporary, { force: true }); // not ours to write, or no space: it goes without
  }
}
