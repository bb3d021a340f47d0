import { utf8OfLatin1 } from 'certkit/confedit';
import { type ConfigFile, commentsOf } from 'certkit/confedit/nginx';

export interface Generated {
  /** Who writes the file, for a sentence: `Plesk`. */
  readonly by: string;
  /** How a certificate gets there instead. */
  readonly hint: string;
}

interface Panel {
  readonly by: string;
  /** Its files, by their real paths. */
  readonly path: RegExp;
  /** What it calls itself at the head of them. */
  readonly says?: RegExp;
  readonly ownWay: string;
}

const PANELS: readonly Panel[] = [
  {
    by: 'Plesk',
    path: /^\/var\/www\/vhosts\/system\/[^/]+\/conf\/nginx[^/]*$|\/plesk\.conf\.d\//,
    says: /\bplesk\b/,
    ownWay: 'Use its extension SSL It!, or "plesk bin certificate"',
  },
  { by: 'cPanel', path: /^\/etc\/nginx\/conf\.d\/users\//, says: /\bcpanel\b/, ownWay: 'Use AutoSSL in WHM, or "uapi SSL install_ssl"' },
  {
    by: 'DirectAdmin',
    path: /^\/usr\/local\/directadmin\/data\/|\/directadmin-[^/]*\.conf$/,
    says: /\bdirectadmin\b/,
    ownWay: 'Use its own letsencrypt.sh, or change its templates and run "da build rewrite_confs"',
  },
  { by: 'HestiaCP or VestaCP', path: /^\/home\/[^/]+\/conf\/web\/.*nginx[^/]*$/, says: /\b(?:hestia|vesta)cp\b/, ownWay: 'Use "v-add-letsencrypt-domain"' },
  { by: 'Froxlor', path: /\/\d+_froxlor_[^/]*vhost[^/]*\.conf$/, says: /froxlor/, ownWay: "Switch on Let's Encrypt for the domain in it" },
  { by: 'ServerPilot', path: /^\/etc\/nginx-sp\/vhosts\.d\/[^/.]+\.conf$/, ownWay: 'Switch on SSL for the app in it' },
  { by: 'aaPanel', path: /^\/www\/server\/panel\/vhost\/nginx\/[^/]+\.conf$/, ownWay: "Use the page SSL of the site's settings in it" },
];

const ELSE = 'or let certkit\'s installer "files" write the certificate to the paths that are in force now.';

/** Within a sentence: a file's name has a dot in it, and a sentence ends with one. */
const NEAR = String.raw`(?:(?!\. ).){0,80}?`;

const WARNINGS: readonly RegExp[] = [
  new RegExp(
    String.raw`\b(?:changes?|edits?|modifications?|customi[sz]ations?)\b${NEAR}\b(?:lost|overwritten|erased|discarded|be (?:overridden|deleted|removed|reverted))\b`,
  ),
  /\bthis (?:\w+ )?file\b.{0,80}?\b(?:will be|is|gets) (?:over-?written|re-?generated|re-?created)\b/,
  /\bgenerated\b.*\b(?:do not|don't|never) (?:\w+ )?(?:edit|modify|change|touch)\b/,
  /\b(?:do not|don't|never) (?:\w+ )?(?:edit|modify|change|touch)\b.*\bgenerated\b/,
];

/** Tools that write files from a description: a change lasts until their next run, and belongs into the description. */
const TOOLS: readonly (readonly [by: string, says: RegExp])[] = [
  ['Ansible', /\bansible[ -]managed\b|\b(?:managed|generated|created) (?:by|with) ansible\b/],
  ['Puppet', /\b(?:managed|generated|created) (?:by|with) puppet\b|\bpuppet[ -]managed\b/],
  ['Chef', /\b(?:managed|generated|created) (?:by|with) chef\b/],
  ['Salt', /\b(?:managed|generated|created) (?:by|with) salt(?:stack)?\b|\bsalt[ -]managed\b/],
];

const HEAD_BYTES = 2048;

/**
 * Who will write the file anew, and what to do instead; `undefined` for a file that is its administrator's. It is known by its
 * place, or by comments at its head that warn of edits.
 */
export function whyGenerated(file: ConfigFile): Generated | undefined {
  const head = headOf(file);
  const warns = WARNINGS.some((warning) => warning.test(head)) && managedBy(file) === undefined;
  const panel = PANELS.find(({ path, says }) => path.test(file.realPath) || path.test(file.path) || (warns && says?.test(head) === true));
  if (panel !== undefined) return { by: panel.by, hint: `${panel.ownWay}; ${ELSE}` };
  if (!warns) return undefined;
  return { by: 'a program, as the comment at its head says', hint: `Have that program name the certificate, ${ELSE}` };
}

/** The configuration management that the file's head names; it may be edited, and the change may not last. */
export function managedBy(file: ConfigFile): string | undefined {
  const head = headOf(file);
  return TOOLS.find(([, says]) => says.test(head))?.[0];
}

/** The comments before the first directive, in one line and lower case. */
function headOf({ tree }: ConfigFile): string {
  const first = tree.size === 0 ? tree.bytes.length : (tree.columns.wordStart[0] as number);
  const until = Math.min(first, HEAD_BYTES);
  const texts = commentsOf(tree).flatMap(({ span, text }) => (span.start < until ? [utf8OfLatin1(text)] : []));
  return texts
    .join(' ')
    .replace(/[#=*\s-]+/g, ' ')
    .toLowerCase();
}
