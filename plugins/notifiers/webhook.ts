import { isLoopbackHost, withoutSecrets } from 'certkit/credentials';
import { file, text } from 'certkit/options';
import { defineNotifier } from 'certkit/plugin';
import { type Answer, post } from './post.ts';
import { messageFor } from './service-message.ts';
import { SERVICES } from './services.ts';
import { readTrustedCa } from './trusted-ca.ts';
import { invalidOption, reasonOf, undelivered } from './undelivered.ts';

const LIMIT_MS = 30_000;
const LINE_CHARS = 200;

const invalid = (option: string, because: string, hint: string) => invalidOption('webhook', option, because, hint);

export default defineNotifier({
  name: 'webhook',
  summary: 'Posts news to a web address: JSON, or a message for Slack, Discord, Teams, ntfy, Telegram or Pushover',
  options: {
    format: text(`What the address takes: ${Object.keys(SERVICES).join(', ')}`, { default: 'json' }),
    url: text('The address, https://...; ntfy, Telegram and Pushover have their own', { secret: true }),
    token: text('What the service knows the sender by: a bot token, an application key, a bearer token', { secret: true }),
    target: text('Whom it is for at the service: a chat, a user key, a topic', { secret: true }),
    'ca-bundle': file('PEM certificates of a private CA, for a server of your own'),
  },

  create({ format, url, token, target, 'ca-bundle': caBundle }, { files }) {
    const service = Object.hasOwn(SERVICES, format) ? SERVICES[format] : undefined;
    if (service === undefined) throw invalid('format', `there is no format "${format}"`, `It is one of ${Object.keys(SERVICES).join(', ')}.`);

    const given = { url, token, target };
    for (const option of service.needs)
      if (given[option] === undefined) throw invalid(option, `the format ${format} needs it`, `See the row of ${format} in docs/notifications.md.`);
    if (token !== undefined && !/^[!-~]+$/.test(token))
      throw invalid('token', 'it holds a space or a letter that is no ASCII', 'Copy it again from the service.');
    const server = parseServer(url ?? service.server ?? '');
    const secrets = [url, token, target, server.password, ...server.pathname.split('/').filter(isLikelySecret), ...server.searchParams.values()];

    return {
      async notify(digest, signal) {
        const { path, headers, body } = messageFor(service, digest, { token, target });
        const ca = caBundle === undefined ? undefined : await readTrustedCa('webhook', caBundle, files);
        const address = path === '' ? server : new URL(server.href.replace(/\/$/, '') + path);

        const limit = AbortSignal.timeout(LIMIT_MS);
        const fail = (because: string, hint: string) => undelivered('webhook', withoutSecrets(`${server.host} ${because}`, secrets), hint);
        const answer = await post(address, { headers, body, ca, signal: AbortSignal.any([signal, limit]) }).catch((thrown: unknown) => {
          if (limit.aborted)
            throw fail(`did not answer within ${LIMIT_MS / 1000} seconds`, 'Is the address right, and does a firewall let this machine reach it?');
          throw fail(`cannot be reached: ${reasonOf(thrown)}`, 'Is the address right? A proxy is not used; "ca-bundle" of webhook trusts a private CA.');
        });
        if (answer.status < 200 || answer.status > 299) throw fail(`answered ${answer.status}${wordsOf(answer)}`, hintFor(answer.status));
      },
    };
  },
});

function parseServer(address: string): URL {
  // The text is not repeated: with most services, who knows it can send.
  const refuse = (because: string) => invalid('url', because, 'Write it as the service shows it: https://... (http:// only to this machine itself).');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) throw refuse('it is no web address');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) throw refuse('without TLS anybody on the way can read and change it');
  return url;
}

/** A word of a path that somebody could have made a secret of, not one such as `api` or `webhooks`. */
const isLikelySecret = (word: string): boolean => word.length >= 8 && /[\dA-Z]/.test(word);

function wordsOf({ body }: Answer): string {
  const [line = ''] = body.split(/[\r\n]/).filter((one) => one.trim() !== '');
  const words = line.replace(/[\0-\x1f\x7f]/g, ' ').trim();
  if (words === '') return '';
  return `: ${words.length > LINE_CHARS ? `${words.slice(0, LINE_CHARS)}...` : words}`;
}

function hintFor(status: number): string {
  if (status >= 300 && status <= 399) return 'A redirect is not followed: give the address it leads to as "url" of webhook.';
  if (status >= 500 || status === 429) return 'The service is busy or broken; the next news will be tried again.';
  return 'See "url", "token" and "target" of webhook; "certkit notify test" tries them.';
}
