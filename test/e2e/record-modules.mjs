// For `node --import`: writes each module that is loaded, as its URL or path, to the file that LOADED_MODULES names; and those of Node that the program takes when it uses them, as `node:net`.
import { appendFileSync } from 'node:fs';
import Module, { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const note = (module) => appendFileSync(process.env.LOADED_MODULES, `${module}\n`);

if (isMainThread) {
  register(import.meta.url); // once more, in the thread of the loader's hooks
  const load = Module._load;
  Module._load = (request, parent, isMain) => {
    note(Module._resolveFilename(request, parent, isMain));
    return load(request, parent, isMain);
  };
  const builtin = process.getBuiltinModule;
  process.getBuiltinModule = (name) => {
    note(name);
    return builtin.call(process, name);
  };
}

export function load(url, context, next) {
  note(url);
  return next(url, context);
}
