// The C compiler of this machine.
import { spawnSync } from 'node:child_process';
import { isThere } from './run.mjs';
import { installOnSystem } from './system-packages.mjs';
import { ToolError } from './tool-error.mjs';

/** @param what - is compiled, for the message: "nginx" */
export function needCompiler(what, say) {
  if (canCompile()) return;
  installOnSystem(['gcc', 'libc6-dev', 'make'], `compiling ${what} needs a C compiler and make, which this system does not have`, say);
  if (!canCompile()) throw new ToolError(undefined, '"cc" still cannot compile a small program', 'Try "apt-get install build-essential" as root.');
}

function canCompile() {
  if (!isThere('make')) return false;
  const { error, status } = spawnSync('cc', ['-x', 'c', '-', '-o', '/dev/null'], {
    input: '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return error === undefined && status === 0;
}
