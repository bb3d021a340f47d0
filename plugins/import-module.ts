import { pathToFileURL } from 'node:url';

/** Imports a module by its path. The build leaves it a file of its own: code that runs from a cache cannot import for itself. */
export const importModule = (path: string): Promise<unknown> => import(pathToFileURL(path).href);
