// npm test: sets up what is missing, then runs the tests. Arguments go to vitest.
import { join } from 'node:path';
import { ensureBuild, ensurePackages, ensureParts, root, run } from './setup.mjs';

ensurePackages();
await ensureParts();
await ensureBuild();
run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)]);
