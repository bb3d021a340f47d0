const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const LONGEST = 64;

/** The name of a plugin, of an option, or of what stands where one could: it becomes part of a flag. */
export function isPluginName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= LONGEST && NAME.test(name);
}
