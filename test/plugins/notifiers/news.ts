import type { Digest } from 'certkit/plugin';

const atMs = Date.UTC(2026, 2, 14, 3, 17);

/** A run that went wrong for one lineage and well for another. */
export const badNews: Digest = {
  host: 'web1.example.com',
  atMs,
  urgent: true,
  title: '[certkit] web1.example.com: 1 renewal failed, 1 deployed',
  text: [
    'Not renewed: shop (*.shop.example.com, <b>old</b> & new)',
    '  The CA said: "DNS problem: NXDOMAIN looking up A for shop.example.com".',
    '  Third try. What is in use expires in 12 days. The next try is on 2026-03-14 at 07:17 UTC.',
    '',
    'Deployed: www',
    '.',
    'certkit explain shop',
  ].join('\n'),
  items: [
    {
      kind: 'renewal-failed',
      lineage: 'shop',
      title: 'shop was not renewed',
      text: 'The CA said no.',
      code: 'ACME_CHALLENGE_FAILED',
      failures: 3,
      nextTryMs: atMs + 4 * 3_600_000,
    },
    { kind: 'deployed', lineage: 'www', title: 'www is served', text: 'Its new certificate is served.' },
  ],
};

export const goodNews: Digest = { ...badNews, urgent: false, title: '[certkit] web1.example.com: 1 deployed' };
