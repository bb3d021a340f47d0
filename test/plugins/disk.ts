import { createConfinement } from '../../core/edges/confined-directory.ts';
import { fileReader } from '../../core/edges/file-reader.ts';
import type { PluginFiles } from '../../plugins/contract.ts';

/** The real file system as plugins see it. */
export const disk: PluginFiles = { ...fileReader, beneath: createConfinement({ uid: process.getuid?.() ?? -1 }) };
