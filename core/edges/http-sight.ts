import type { HttpExpectation, HttpSight } from '../../plugins/contract.ts';
import type { Answer, Reply } from './http-get.ts';
import { type Step, shortened, type Trail } from './http-trail.ts';

/** What Let's Encrypt reads of an answer; a proof has about 87. */
const CHARACTERS_AT_MOST = 128;

/** Whether a CA would take it: it allows white space at the end (RFC 8555 section 8.3). */
export function isProof({ status, body }: Reply, { content }: Pick<HttpExpectation, 'content'>): boolean {
  return status === 200 && body.length <= CHARACTERS_AT_MOST && body.trimEnd() === content;
}

/**
 * The verdict on what was seen.
 *
 * @param whereabouts - a sentence about the address that was asked, for whoever has to find out whose it is
 */
export function sightOf({ steps, end }: Trail, expected: HttpExpectation, whereabouts: string): HttpSight {
  const last = steps.at(-1) as Step;
  const who = `${last.asked}${'server' in end && end.server !== undefined ? ` (${quoted(end.server)})` : ''}`;
  const wrong = (because: string, hint: string): HttpSight => ({ kind: 'wrong', because, hint });
  switch (end.kind) {
    case 'reply': {
      if (isProof(end, expected)) return { kind: 'right' };
      const { saw, hint } = judged(end, expected);
      return wrong(`${who} ${saw} for ${way(steps)}`, `${hint} ${whereabouts}`);
    }
    case 'loop':
      return wrong(`${last.asked} redirects in a circle: ${way(steps)}`, `Let the server answer below ${PROOFS} itself, without a redirect.`);
    case 'astray':
      return wrong(`${last.asked} answered ${way(steps)} with ${end.because}`, `Let the server answer below ${PROOFS} itself, without a redirect.`);
    case 'garbled':
      return wrong(`${last.asked} was asked for ${way(steps)}: ${end.because}`, `A CA needs a server that answers there. ${whereabouts}`);
    case 'lost':
      return { kind: 'unseen', because: `${last.asked} answered ${way(steps)} with ${end.because}` };
    case 'silent': {
      const because = `nobody answers at ${last.asked}: ${end.because}`;
      if (steps.length === 1) return { kind: 'unseen', because };
      const led = `${because}. A redirect leads there: ${way(steps)}`;
      return end.refused
        ? wrong(led, `Let something listen there, or let the server answer below ${PROOFS} without a redirect.`)
        : { kind: 'unseen', because: led };
    }
  }
}

/** What a server of this machine says that was asked directly, as half a sentence. */
export function seenHere(answer: Answer, expected: HttpExpectation): string {
  if (answer.kind === 'silent') return 'does not answer either';
  if (answer.kind === 'garbled') return `does not answer in HTTP: ${answer.because}`;
  if (isProof(answer, expected)) return 'has the file in place';
  if (answer.status >= 300 && answer.status < 400 && answer.location !== undefined) return `redirects to ${quoted(answer.location)}`;
  return judged(answer, expected).saw;
}

const PROOFS = '/.well-known/acme-challenge/';
const STEPS_SHOWN = 5;

/** The requests one after the other, long ways without their middle. */
function way(steps: readonly Step[]): string {
  const urls = steps.map(({ url }) => shortened(url));
  const shown = urls.length > STEPS_SHOWN ? [...urls.slice(0, STEPS_SHOWN - 1), `${urls.length - STEPS_SHOWN} more`, urls.at(-1)] : urls;
  return shown.join(' -> ');
}

function judged(reply: Reply, { content, identifier }: HttpExpectation): { readonly saw: string; readonly hint: string } {
  const { status, body } = reply;
  const page = pageIn(reply);
  const answered = `answered ${status}${page?.title === undefined ? '' : `, a page titled ${page.title}`},`;
  if (status === 401 || status === 407 || page?.isLogin) {
    const what = status === 200 ? `answered with a login page${page?.title === undefined ? '' : ` titled ${page.title}`}` : `${answered} and demands a login`;
    return { saw: what, hint: `Take ${PROOFS} out of what needs a login.` };
  }
  if (status === 403) return { saw: answered, hint: `It forbids the file: often a rule against names that begin with a dot. Except ${PROOFS} from it.` };
  if (status === 404 || status === 410) return { saw: answered, hint: `It looks for the file somewhere else than where it was put.` };
  if (status !== 200) return { saw: answered, hint: `It has to answer below ${PROOFS} of ${identifier.value} with the file.` };
  if (page !== undefined)
    return {
      saw: `answered with a web page${page.title === undefined ? '' : ` titled ${page.title}`} in place of the file`,
      hint: `An application answers there: have the server look for files below ${PROOFS} first.`,
    };

  const [token] = content.split('.');
  const text = body.trimEnd();
  if (text === content)
    return {
      saw: `answered with the file and ${body.length - text.length} characters of white space after it`,
      hint: 'Some CAs read no further than 128 characters.',
    };
  if (text.startsWith(`${token}.`))
    return { saw: 'answered with the proof of another ACME account', hint: 'Another ACME client answers challenges there: end that.' };
  if (text === '') return { saw: 'answered with an empty file', hint: `The file has to be served as it is.` };
  return { saw: `answered with something else (${quoted(text)})`, hint: 'The file has to be served as it is.' };
}

function pageIn({ contentType, body }: Reply): { readonly title?: string; readonly isLogin: boolean } | undefined {
  const isPage = /^\s*(?:<!doctype html|<html|<head)/i.test(body) || (contentType?.startsWith('text/html') === true && body.includes('<'));
  if (!isPage) return undefined;
  const title = /<title[^>]*>([^<]*)/i.exec(body)?.[1]?.trim();
  return { isLogin: /<input[^>]+type=["']?password/i.test(body), ...(title ? { title: quoted(title) } : {}) };
}

/** What a stranger wrote, on one line, short, and without characters that a terminal takes for orders. */
function quoted(text: string): string {
  const readable = Buffer.from(text, 'latin1')
    .toString('utf8')
    .replace(/[\p{C}\p{Z}\ufffd]+/gu, ' ')
    .trim();
  return `"${shortened(readable, 60)}"`;
}
