// npm run demo: the main job on real servers, told step by step. Sets up what is missing first; ends by stopping what it started.
import { loadParts } from './demo/parts.mjs';
import { createScreen } from './demo/screen.mjs';
import { DemoFailure, play } from './demo/story.mjs';
import { ensureBuild, ensurePackages, ensureParts } from './setup.mjs';

ensurePackages();
await ensureParts();
await ensureBuild();
const parts = await loadParts();

const startMs = Date.now();
const names = [];
const screen = createScreen(names);
const stops = [];
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopping.abort(new Error(signal)));
// A reader that left, as `head` does: nobody is there to be shown the rest.
process.stdout.on('error', () => stopping.abort(new Error('nobody reads')));

try {
  await play({ parts, screen, names, stops, signal: stopping.signal });
} catch (error) {
  if (stopping.signal.aborted) process.exitCode = 130;
  else {
    process.exitCode = 1;
    screen.failed(error instanceof DemoFailure ? error.message : error.stack);
  }
} finally {
  for (const stop of stops.reverse()) {
    await stop().catch((error) => {
      process.exitCode = 1;
      screen.failed(error.stack);
    });
  }
}
const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
screen.line(`\n${process.exitCode === undefined ? 'All of it was seen' : 'Ended'} after ${seconds} s; nginx and Pebble are stopped, their files removed.`);
