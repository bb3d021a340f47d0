import { join } from 'node:path';
import { asCertkitError, fault } from '../errors.ts';
import type { ServedPath } from '../model/challenge.ts';
import type { Identifier } from '../model/identifier.ts';
import type { PluginChoice } from '../model/lineage.ts';
import type { Survey } from '../model/site.ts';
import { decideServedPath, type Saying } from '../policy/served-path.ts';
import { knownServers } from './known-servers.ts';
import type { Needs, ServedPaths } from './needs.ts';
import { slotOf } from './target.ts';

/** A server that can be asked, or why it cannot. */
type Source = { readonly server: string; readonly key: string } & (
  | { readonly locate: (identifier: Identifier) => Saying['place'] }
  | { readonly error: string }
);

/**
 * Where the servers of this machine have the proofs of names. Each server is surveyed once, and only when somebody asks.
 *
 * @param needsOf - asked when a server is to be looked at
 */
export function createServedPaths(needsOf: () => Needs): ServedPaths {
  const surveys = new Map<string, Promise<Survey>>();
  let everywhere: Promise<readonly Source[]> | undefined;

  function surveyOf(choice: PluginChoice): Promise<Survey> {
    const { plugins, signal } = needsOf();
    const slot = slotOf(choice);
    const survey = surveys.get(slot) ?? plugins.installer(choice).then((installer) => installer.survey(signal));
    surveys.set(slot, survey);
    return survey;
  }

  async function sourceOf(choice: PluginChoice): Promise<readonly Source[]> {
    try {
      const [survey, installer] = await Promise.all([surveyOf(choice), needsOf().plugins.installer(choice)]);
      if (!('locates' in installer)) return [];
      return [{ server: survey.server.title, key: survey.server.key, locate: (identifier) => installer.locateProofs(identifier, survey) }];
    } catch (thrown) {
      needsOf().signal.throwIfAborted();
      return [{ server: choice.plugin, key: slotOf(choice), error: asCertkitError(thrown).message }];
    }
  }

  function lookEverywhere(): Promise<readonly Source[]> {
    everywhere ??= lookAtAll();
    return everywhere;
  }

  async function lookAtAll(): Promise<readonly Source[]> {
    const known = await knownServers(needsOf(), surveyOf);
    return (await Promise.all(known.map(({ choice }) => sourceOf(choice)))).flat();
  }

  return {
    async find({ prover, identifiers, installers, looked }) {
      const wanting = identifiers.flatMap((identifier) => {
        const assessment = prover.assess(identifier);
        return assessment.able && assessment.wants === 'served-path' ? [{ identifier, wayOut: assessment.wayOut }] : [];
      });
      if (wanting.length === 0) return new Map();
      for (const [slot, { survey }] of looked ?? []) surveys.set(slot, Promise.resolve(survey));

      const own = (await Promise.all(installers.map(sourceOf))).flat();
      const isTheirs = (identifier: Identifier) => decideServedPath(sayingsOf(own, identifier).filter(({ place }) => place?.byName === true)).kind === 'found';
      const others = wanting.every(({ identifier }) => isTheirs(identifier)) ? [] : await lookEverywhere();
      const all = [...new Map([...own, ...others].map((source) => [source.key, source])).values()];
      return new Map(
        wanting.map(({ identifier, wayOut }) => {
          const { plugin } = prover.choiceFor(identifier);
          return [identifier.value, pathFor(identifier, isTheirs(identifier) ? own : all, { plugin, wayOut: wayOut ?? `an option of ${plugin}` })];
        }),
      );
    },
  };
}

function sayingsOf(sources: readonly Source[], identifier: Identifier): readonly Saying[] {
  return sources.map(({ server, ...source }) => {
    if ('error' in source) return { server, error: source.error };
    try {
      const place = source.locate(identifier);
      return place === undefined ? { server } : { server, place };
    } catch (thrown) {
      return { server, error: asCertkitError(thrown).message };
    }
  });
}

/** @throws INSTALLER_NO_WEBROOT, INSTALLER_SEVERAL_WEBROOTS */
function pathFor(identifier: Identifier, sources: readonly Source[], asking: { readonly plugin: string; readonly wayOut: string }): ServedPath {
  const decision = decideServedPath(sayingsOf(sources, identifier));
  const name = identifier.value;
  switch (decision.kind) {
    case 'found':
      return decision.at;
    case 'several': {
      const found = decision.candidates.map(({ server, site, at }) => `${join(at.root, at.path)}, by ${site} of ${server}`);
      throw fault('INSTALLER_SEVERAL_WEBROOTS', { ...asking, name, found });
    }
    case 'none': {
      const obstacles = decision.because.map(({ server, because }) => `${server}: ${because}`);
      const others = sources.map(({ server }) => server).filter((server) => !decision.because.some((one) => one.server === server));
      throw fault('INSTALLER_NO_WEBROOT', { ...asking, name, obstacles, others: [...new Set(others)] });
    }
  }
}
