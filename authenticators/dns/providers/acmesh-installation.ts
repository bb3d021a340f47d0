import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { whereOthersWrite } from 'certkit/credentials';
import type { FileReader } from 'certkit/plugin';
import { invalidOption } from './provider-fault.ts';

/** Where acme.sh and its scripts stand, and where it keeps its account and what it saved. */
export interface Installation {
  /** acme.sh itself. */
  readonly program: string;
  readonly home: string;
  /** What the first line of acme.sh asks for. */
  readonly shell: 'sh' | 'bash';
}

/** Beside its home: where packages of Debian, Arch and Alpine put it. What they put into /usr/bin only starts it. */
const PACKAGED = ['/usr/share/acme.sh/acme.sh', '/usr/local/share/acme.sh/acme.sh', '/opt/acme.sh/acme.sh'];
const IS_ITSELF = /^PROJECT_NAME="acme\.sh"/m;
const MOST_NEAR = 5;

/** @throws PLUGIN_OPTION_INVALID */
export async function findInstallation(
  given: { readonly script: string; readonly program?: string | undefined; readonly home?: string | undefined },
  files: FileReader,
): Promise<Installation> {
  const home = given.home ?? join(userInfo().homedir, '.acme.sh');
  const places = given.program === undefined ? [join(home, 'acme.sh'), ...PACKAGED] : [given.program];
  for (const place of places) {
    const bytes = await files.read(place);
    if (bytes === undefined) continue;
    const text = Buffer.from(bytes).toString('utf8');
    if (!IS_ITSELF.test(text))
      throw invalidOption(
        'acmesh',
        'program',
        `${place} is not acme.sh itself`,
        `A program that starts it does not do. It is often ${join(home, 'acme.sh')} or ${PACKAGED[0]}.`,
      );
    const program = (await files.realPath(place)) ?? place;
    await demandOurs({ program, home, script: given.script }, files);
    return { program, home, shell: /^#!.*\bbash\b/.test(text) ? 'bash' : 'sh' };
  }
  throw invalidOption(
    'acmesh',
    given.program === undefined ? 'home' : 'program',
    `acme.sh was not found; looked for ${places.join(', ')}`,
    'Install acme.sh for the user that certkit runs as, or say where it is with "program" and where its account.conf is with "home".',
  );
}

/** All that is run as the user we are: the program, account.conf, which acme.sh reads as a shell script, and the script wherever acme.sh may find it. */
async function demandOurs(
  { program, home, script }: { readonly program: string; readonly home: string; readonly script: string },
  files: FileReader,
): Promise<void> {
  const scriptsIn = (folder: string) => [join(folder, script), join(folder, `${script}.sh`)];
  const run: readonly (readonly ['program' | 'home', readonly string[]])[] = [
    ['program', [program, ...scriptsIn(join(dirname(program), 'dnsapi'))]],
    ['home', [home, join(home, 'account.conf'), ...scriptsIn(home), ...scriptsIn(join(home, 'dnsapi'))]],
  ];
  for (const [option, paths] of run) {
    for (const path of paths) {
      const open = (await files.facts(path)) === undefined ? undefined : await whereOthersWrite(path, files);
      if (open === undefined) continue;
      const hint = 'It would run as the user that runs certkit: let that user or root own it, and nobody else write there.';
      throw invalidOption('acmesh', option, `others may write to ${open}`, hint);
    }
  }
}

/** The error for a script that acme.sh does not have, with those that are called much the same. */
export async function unknownScript(script: string, { program, home }: Installation, files: FileReader): Promise<Error> {
  const folders = [...new Set([join(dirname(program), 'dnsapi'), join(home, 'dnsapi')])];
  const lists = await Promise.all(folders.map((folder) => files.list(folder)));
  const known = lists.flatMap((names) => names ?? []).flatMap((name) => (/^dns_\w+\.sh$/.test(name) ? [name.slice(0, -'.sh'.length)] : []));
  const near = known
    .map((name) => ({ name, shared: sharedStart(name, script) }))
    .filter(({ shared }) => shared > 'dns_'.length)
    .sort((a, b) => b.shared - a.shared || Math.abs(a.name.length - script.length) - Math.abs(b.name.length - script.length))
    .slice(0, MOST_NEAR)
    .map(({ name }) => name);
  return invalidOption(
    'acmesh',
    'script',
    `acme.sh has no ${script}.sh in ${folders.join(' or ')}`,
    near.length > 0 ? `Is it one of ${near.join(', ')}?` : `It has ${known.length} of them: list ${folders[0]}.`,
  );
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
