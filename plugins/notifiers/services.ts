/** JSON with places to fill: `{title}`, `{text}`, `{token}` and `{target}` anywhere in a text, `{digest}` as a whole value. */
export type Template = string | number | boolean | readonly Template[] | { readonly [member: string]: Template } | EachLine;

/** Repeated in its list for each line of the text, which is `{line}` there. */
export interface EachLine {
  readonly eachLine: Template;
}

/** How a service wants its messages. */
export interface Service {
  /** Where it takes them, for one that everybody calls at the same place. */
  readonly server?: string;
  /** Below the server. */
  readonly path?: string;
  readonly needs: readonly ('url' | 'token' | 'target')[];
  /** Left out while a place in them has no value. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Template;
  /** Members of the body in place of others when somebody has to act. */
  readonly urgent?: Readonly<Record<string, Template>>;
  /** What certain characters of title and text become, because the service reads a meaning into them. */
  readonly escapes?: Readonly<Record<string, string>>;
  /** The longest text, escapes included. */
  readonly most?: { readonly text: number; readonly unit: 'characters' | 'bytes'; readonly lines?: number };
}

const BEARER = { authorization: 'Bearer {token}' }; // RFC 6750 section 2.1

export const SERVICES: Readonly<Record<string, Service>> = {
  json: { needs: ['url'], headers: BEARER, body: '{digest}' },

  // https://api.slack.com/docs/message-formatting: three characters to escape; 40,000 characters, title and text.
  slack: {
    needs: ['url'],
    body: { text: '{title}\n\n{text}', mrkdwn: false },
    escapes: { '&': '&amp;', '<': '&lt;', '>': '&gt;' },
    most: { text: 38_000, unit: 'characters' },
  },

  // https://discord.com/developers/docs/resources/webhook#execute-webhook: 4,096 characters in an embed's description.
  // In a code block no character has a meaning but the one that ends it.
  discord: {
    needs: ['url'],
    body: { content: '```{title}```', embeds: [{ description: '```\n{text}\n```' }], allowed_mentions: { parse: [] } },
    escapes: { '`': "'" },
    most: { text: 4_000, unit: 'characters' },
  },

  // https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: a card, 28 KB in all.
  // https://adaptivecards.io/explorer/TextRun.html: no Markdown there; a block a line, since nothing is said of line breaks.
  teams: {
    needs: ['url'],
    body: {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.2',
            body: [
              { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: '{title}', weight: 'Bolder' }] },
              { eachLine: { type: 'RichTextBlock', spacing: 'None', inlines: [{ type: 'TextRun', text: '{line}' }] } },
            ],
          },
        },
      ],
    },
    most: { text: 10_000, unit: 'bytes', lines: 120 },
  },

  // https://docs.ntfy.sh/publish/#publish-as-json: 4,096 bytes, else it becomes an attachment; priority 3 is usual, 5 the most.
  ntfy: {
    server: 'https://ntfy.sh',
    needs: ['target'],
    headers: BEARER,
    body: { topic: '{target}', title: '{title}', message: '{text}', priority: 3 },
    urgent: { priority: 4 },
    most: { text: 4_000, unit: 'bytes' },
  },

  // https://core.telegram.org/bots/api#sendmessage: 4,096 characters, title and text; plain without a parse mode.
  telegram: {
    server: 'https://api.telegram.org',
    path: '/bot{token}/sendMessage',
    needs: ['token', 'target'],
    body: { chat_id: '{target}', text: '{title}\n\n{text}', link_preview_options: { is_disabled: true } },
    most: { text: 3_800, unit: 'characters' },
  },

  // https://pushover.net/api: 250 and 1,024 characters; priority 1 passes quiet hours.
  pushover: {
    server: 'https://api.pushover.net',
    path: '/1/messages.json',
    needs: ['token', 'target'],
    body: { token: '{token}', user: '{target}', title: '{title}', message: '{text}', priority: 0 },
    urgent: { priority: 1 },
    most: { text: 1_000, unit: 'characters' },
  },
};
