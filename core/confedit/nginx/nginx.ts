// What certkit's own plugins, and everybody else's, read and edit nginx configurations with: `certkit/confedit/nginx`.

import { type ConfigReader, loadGraph } from './graph.ts';
import { type ServerFacts, type ServerSurvey, surveyServers } from './servers.ts';

export { type Address, addressesOf, type Candidate } from './addresses.ts';
export { type Chosen, chooseByName, chooseServer, type Target } from './choose.ts';
export { type Change, type Edit, insertIntoBlock, removeDirective, replaceArgument } from './edits.ts';
export { expandGlob, isGlob, matchesComponent } from './glob.ts';
export { type ConfigFault, type ConfigFile, type ConfigGraph, type ConfigReader, type Instance, loadGraph, type Place } from './graph.ts';
export { addressKey, type Listen, parseListen } from './listen.ts';
export { type Parsed, type ParseFault, parseConfig } from './parser.ts';
export { caughtBy, translatePcre } from './regex.ts';
export { namesOfRegex, type RegexNames } from './regex-names.ts';
export { parseServerName, type ServerName } from './server-name.ts';
export { type HttpServer, type Location, locationsOf, type Occurrence, type ServerFacts, type ServerSurvey, surveyServers } from './servers.ts';
export type { Position } from './slot.ts';
export type { Statement } from './statement.ts';
export { type Block, childrenOf, commentsOf, type Directive, directiveAt, TOP, type Tree, type Word } from './tree.ts';
export { applyEdits, type Edited, verifyEdit } from './verify.ts';
export { blocksAround, contentsOf, type Placed, placeKey } from './walk.ts';
export { encodeWord } from './words.ts';

/**
 * Reads the configuration that `mainPath` begins and finds its web sites.
 *
 * Nothing is thrown for what stands in the files: `graph.faults` says what cannot be read, and `faultsOf` and
 * `faultsHiding` which sites that is about.
 *
 * @param mainPath - absolute, as the running nginx has it
 */
export async function surveyConfig(mainPath: string, reader: ConfigReader, facts: ServerFacts): Promise<ServerSurvey> {
  return surveyServers(await loadGraph(mainPath, reader), facts);
}
