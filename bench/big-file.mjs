// Run by confedit.mjs: reads a file, makes one edit, holds it against its plan; says how long that took and what memory the process had.
import { readFileSync } from 'node:fs';
import { applyEdits, insertIntoBlock, parseConfig } from 'certkit/confedit/nginx';

const bytes = readFileSync(process.argv[2]);
const startNs = process.hrtime.bigint();
const parsed = parseConfig(bytes);
if (!parsed.ok) throw new Error(`line ${parsed.fault.line}: ${parsed.fault.message}`);
const edited = applyEdits(parsed.tree, [insertIntoBlock(parsed.tree, 0, [{ words: ['ssl_certificate', '/c'] }], 'last')]);
if (!edited.ok) throw new Error(edited.because);
const ms = Number(process.hrtime.bigint() - startNs) / 1e6;
console.log(JSON.stringify({ ms, peakBytes: process.resourceUsage().maxRSS * 1024 }));
