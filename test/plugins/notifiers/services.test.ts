import { describe, expect, test } from 'vitest';
import { messageFor } from '../../../plugins/notifiers/service-message.ts';
import { SERVICES, type Service } from '../../../plugins/notifiers/services.ts';
import { badNews, goodNews } from './news.ts';

// Each body as the page named in the table describes it, for the same news.

const known = { token: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw', target: '-1001234' };
const serviceOf = (name: string) => SERVICES[name] as Service;
const bodyOf = (name: string, digest = badNews) => JSON.parse(messageFor(serviceOf(name), digest, known).body);

test('json is the digest, with the number of its form', () => {
  expect(bodyOf('json')).toEqual({ schema: 1, ...badNews });
});

test('Slack: text without markup, its three characters escaped', () => {
  expect(bodyOf('slack')).toEqual({
    text: `${badNews.title}\n\n${badNews.text.replace('<b>old</b> & new', '&lt;b&gt;old&lt;/b&gt; &amp; new')}`,
    mrkdwn: false,
  });
});

test('Discord: code blocks, and nobody is called', () => {
  const digest = { ...badNews, title: 'ends ``` here @everyone', text: 'a `b`' };
  expect(bodyOf('discord', digest)).toEqual({
    content: "```ends ''' here @everyone```",
    embeds: [{ description: "```\na 'b'\n```" }],
    allowed_mentions: { parse: [] },
  });
});

test('Teams: an adaptive card, a block for each line', () => {
  const line = (text: string) => ({ type: 'RichTextBlock', spacing: 'None', inlines: [{ type: 'TextRun', text }] });
  expect(bodyOf('teams', { ...badNews, text: 'one\n\n*two*' })).toEqual({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.2',
          body: [{ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: badNews.title, weight: 'Bolder' }] }, line('one'), line('\u00a0'), line('*two*')],
        },
      },
    ],
  });
});

test('ntfy: topic, title, message and a priority', () => {
  expect(bodyOf('ntfy')).toEqual({ topic: known.target, title: badNews.title, message: badNews.text, priority: 4 });
  expect(bodyOf('ntfy', goodNews)).toMatchObject({ priority: 3 });
});

test('Telegram: plain text to a chat, the token in the path', () => {
  expect(messageFor(serviceOf('telegram'), badNews, known).path).toBe(`/bot${known.token}/sendMessage`);
  expect(bodyOf('telegram')).toEqual({ chat_id: known.target, text: `${badNews.title}\n\n${badNews.text}`, link_preview_options: { is_disabled: true } });
});

test('Pushover: application, user, and a priority that passes quiet hours when somebody has to act', () => {
  expect(bodyOf('pushover')).toEqual({ token: known.token, user: known.target, title: badNews.title, message: badNews.text, priority: 1 });
  expect(bodyOf('pushover', goodNews)).toMatchObject({ priority: 0 });
});

test('a token goes along as a bearer where there is one, and no empty header where there is none', () => {
  for (const name of ['json', 'ntfy']) {
    expect(messageFor(serviceOf(name), badNews, known).headers).toEqual({ 'content-type': 'application/json', authorization: `Bearer ${known.token}` });
    expect(messageFor(serviceOf(name), badNews, { token: undefined, target: 'x' }).headers).toEqual({ 'content-type': 'application/json' });
  }
});

test('what looks like a place in the news stays as it is', () => {
  expect(bodyOf('ntfy', { ...badNews, title: '{token} {text}', text: '{target} {digest}' })).toMatchObject({
    title: '{token} {text}',
    message: '{target} {digest}',
  });
});

describe('news of three thousand lines is cut to what the service takes', () => {
  const long = { ...badNews, title: 'T'.repeat(1_000), text: Array.from({ length: 3_000 }, (_, at) => `lineage ${at} <&> \`ä\u{1f512}`).join('\n') };
  const limits: readonly [string, (body: Record<string, unknown>) => number, number][] = [
    ['slack', ({ text }) => String(text).length, 40_000],
    ['discord', ({ embeds }) => (embeds as { description: string }[])[0]?.description.length ?? 0, 4_096],
    ['discord', ({ content }) => String(content).length, 2_000],
    ['teams', (body) => Buffer.byteLength(JSON.stringify(body)), 28_000],
    ['ntfy', ({ message }) => Buffer.byteLength(String(message)), 4_096],
    ['telegram', ({ text }) => String(text).length, 4_096],
    ['pushover', ({ message }) => String(message).length, 1_024],
    ['pushover', ({ title }) => String(title).length, 250],
  ];
  for (const [name, sizeOf, most] of limits) {
    test(`${name}: ${most}`, () => {
      const size = sizeOf(bodyOf(name, long));
      expect(size).toBeLessThanOrEqual(most);
      expect(JSON.stringify(bodyOf(name, long)).includes('(the rest did not fit)')).toBe(true);
    });
  }
});
