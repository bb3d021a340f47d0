import { dirname, resolve } from 'node:path';
import { latin1OfUtf8, utf8OfLatin1 } from 'certkit/confedit';
import { type Directive, directiveAt, type HttpServer, type Instance, isGlob, matchesComponent, type Placed } from 'certkit/confedit/nginx';
import { insertInto, remove, replaceValue } from '../edits.ts';
import { titleOf } from '../instance.ts';
import { listed } from '../names.ts';
import { whereIs } from '../pairs.ts';
import type { NginxFacts } from '../survey.ts';
import { type Enhancement, type Finding, type OwnFile, refused, type SecuredBlock } from './enhancement.ts';
import { directivesOf, hasTls13, PROFILES, type Profile } from './mozilla.ts';
import { behindPair, whereStands } from './own-statements.ts';
import { isUnmodified, profilePath, profileText } from './profile-file.ts';
import { tlsAddresses } from './tls-places.ts';
import { type Loss, lossesBy, lossText } from './versions-of-others.ts';

const FILE_MODE = 0o644;

/** Protocols, ciphers and curves of one of Mozilla's profiles, in a file of certkit's own that the blocks include. */
export const tlsProfile: Enhancement = {
  part: 'tls-profile',
  isWanted: (options) => options.tlsProfile !== undefined,

  find(blocks, _wanted, facts, { tlsProfile: profile = 'intermediate' }) {
    const { conf, build } = facts.instance;
    if (profile === 'modern' && !hasTls13(build.version)) {
      return [
        refused(
          `the modern TLS profile is TLS 1.3 alone, which ${titleOf(facts.instance)} may not have`,
          'Choose tls-profile intermediate, or take the option away.',
        ),
      ];
    }
    const path = profilePath(conf, profile);
    const glob = globLeadingTo(path, facts);
    if (glob !== undefined)
      return [
        refused(
          `the TLS profile is put at ${path}, and ${glob} would include it elsewhere too`,
          'Narrow that include so that it leaves the file out, as to *.conf; or take the option tls-profile away.',
        ),
      ];
    const file = fileFor(path, profile, facts);
    return [...file.findings, ...blocks.map((block) => findAt(block, path, profile, file.files, blocks, facts))];
  },
};

/** The file as it is to be; one that somebody has changed stays. */
function fileFor(
  path: string,
  profile: Profile,
  { profiles, instance }: NginxFacts,
): { readonly files: readonly OwnFile[]; readonly findings: readonly Finding[] } {
  const there = profiles.get(path);
  if (there !== undefined && !isUnmodified(there)) {
    return { files: [], findings: [{ kind: 'left-alone', note: `${path} is not as certkit wrote it and stays as it is; remove it to get the profile anew` }] };
  }
  const { version } = instance.build;
  const isGuess = version === undefined && profile === 'intermediate';
  const note = `the version of ${titleOf(instance)} cannot be read: TLS 1.3 and the choice of curves are left out of its TLS profile`;
  return { files: [{ path, content: [{ text: profileText(profile, version) }], mode: FILE_MODE }], findings: isGuess ? [{ kind: 'left-alone', note }] : [] };
}

function findAt(
  { server }: SecuredBlock,
  path: string,
  profile: Profile,
  files: readonly OwnFile[],
  blocks: readonly SecuredBlock[],
  facts: NginxFacts,
): Finding {
  const { conf, build } = facts.instance;
  const own = PROFILES.map((one) => profilePath(conf, one));
  const includes = server.contents.filter(({ directive }) => directive.name === 'include' && own.includes(targetOf(directive, conf)));
  if (includes.some(({ directive }) => targetOf(directive, conf) === path)) return { kind: 'in-force', files };

  const said = new Set(directivesOf(profile, build.version).map(([name]) => name));
  const inTheWay = server.contents.filter(({ instance, directive }) => said.has(directive.name) && !own.includes(instance.file.path));
  const where = whereIs(server);
  const elsewhere = [...inTheWay, ...includes].filter(({ instance }) => instance !== server.place.instance);
  if (elsewhere.length > 0) return refusedFor(elsewhere, where, profile, build.version);

  const losses = lossesBy(profile, server, blocks, facts);
  if (losses.some(({ matters }) => matters)) return refusedForOthers(losses, server, profile, blocks, facts);

  const [other] = includes;
  const [first] = inTheWay;
  const position = first === undefined ? behindPair(server) : { before: first.index };
  const edits = [other === undefined ? insertInto(server.place, [{ words: ['include', path] }], position) : replaceValue(other, path), ...inTheWay.map(remove)];
  return { kind: 'missing', where, edits, files, notes: [...losses.map((loss) => noteOnLoss(loss, server)), ...notesOn(server, blocks, facts)] };
}

/** By hand there is the choice that certkit has not: the file may be for other blocks too. */
function refusedFor(elsewhere: readonly Placed[], where: string, profile: Profile, version: string | undefined): Finding {
  const lines = directivesOf(profile, version).map(([name, value]) => `    ${name} ${value};`);
  return refused(
    `${listed(elsewhere.map((one) => `${one.directive.name} at ${whereStands(one)}`))} is included in the block at ${where}, and the TLS profile would say it a second time`,
    `Take it out of that file, for all blocks that include it. Or take the option tls-profile away, and have the file say these lines instead:\n${lines.join('\n')}`,
  );
}

function refusedForOthers(losses: readonly Loss[], server: HttpServer, profile: Profile, blocks: readonly SecuredBlock[], facts: NginxFacts): Finding {
  const [{ address }] = losses as [Loss];
  const milder = profile === 'modern' && !lossesBy('intermediate', server, blocks, facts).some(({ matters }) => matters);
  return refused(
    `the block at ${whereIs(server)} is the default at ${address}, and its TLS versions count for every name there: the profile would take ${listed(losses.map(lossText))}`,
    milder
      ? 'Choose tls-profile intermediate, or take the option away.'
      : 'Take the option tls-profile away, or have those blocks do without the versions by "ssl_protocols" first.',
  );
}

function noteOnLoss(loss: Loss, server: HttpServer): string {
  return `the TLS profile of the block at ${whereIs(server)}, the default at ${loss.address}, also takes ${lossText(loss)}`;
}

/** Which block's protocols count was decided before the name was known; newer versions of nginx know it in time. */
function notesOn(server: HttpServer, blocks: readonly SecuredBlock[], facts: NginxFacts): readonly string[] {
  return tlsAddresses(server, facts).flatMap((address) => {
    const first = address.default;
    if (blocks.some((block) => block.server === first)) return [];
    return [
      `most versions of nginx take the TLS versions at ${address.key} from its default block (${whereIs(first)}), whatever the profile of ${whereIs(server)} says`,
    ];
  });
}

function targetOf({ args: [path = ''] }: Directive, conf: string): string {
  return resolve(dirname(conf), utf8OfLatin1(path));
}

/** An include with a pattern that the path matches, and where it stands. */
function globLeadingTo(path: string, { servers, instance: { conf } }: NginxFacts): string | undefined {
  const wanted = latin1OfUtf8(path);
  const stack: Instance[] = [servers.graph.main];
  for (let instance = stack.pop(); instance !== undefined; instance = stack.pop()) {
    for (const [index, brought] of instance.includes) {
      stack.push(...brought);
      const directive = directiveAt(instance.file.tree, index);
      const [pattern = ''] = directive.args;
      if (isGlob(pattern) && matches(pattern.startsWith('/') ? pattern : `${latin1OfUtf8(dirname(conf))}/${pattern}`, wanted))
        return `"include ${utf8OfLatin1(pattern)}" at ${instance.file.path}:${directive.line}`;
    }
  }
  return undefined;
}

function matches(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern, path].map((text) => text.split('/').filter((part) => part !== '')) as [string[], string[]];
  return wanted.length === given.length && wanted.every((part, at) => matchesComponent(part, given[at] as string));
}
