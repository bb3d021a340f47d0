import { expect, test } from 'vitest';
import type { HookSubject } from '../../core/model/hook.ts';
import { hookDocument, hookVariables } from '../../core/policy/hook-facts.ts';

const home = '/etc/certkit';
const at = { home, attempt: 2 };
const shop: HookSubject = {
  name: 'shop',
  names: ['shop.test', 'www.shop.test'],
  outcome: 'deployed',
  version: 3,
  versionPath: `${home}/archive/shop/0003`,
  live: `${home}/live/shop`,
};
const fault = { code: 'ACME_UNREACHABLE', message: 'The CA does not answer', hint: 'Wait.' };
const blog: HookSubject = { name: 'blog', names: ['blog.test'], outcome: 'failed', fault, live: `${home}/live/blog` };

test('of one lineage there is a variable for each fact, with those that certbot gives', () => {
  expect(hookVariables('deployed', [shop], at)).toEqual({
    CERTKIT_EVENT: 'deployed',
    CERTKIT_ATTEMPT: '2',
    CERTKIT_HOME: home,
    CERTKIT_LINEAGES: 'shop',
    CERTKIT_LINEAGE: 'shop',
    CERTKIT_NAMES: 'shop.test www.shop.test',
    CERTKIT_VERSION: '3',
    CERTKIT_VERSION_PATH: '/etc/certkit/archive/shop/0003',
    CERTKIT_LIVE: '/etc/certkit/live/shop',
    RENEWED_LINEAGE: '/etc/certkit/live/shop',
    RENEWED_DOMAINS: 'shop.test www.shop.test',
    FAILED_DOMAINS: '',
  });
});

test('of several there are lists, and which of them failed', () => {
  const variables = hookVariables('post', [shop, blog], at);
  expect(variables).toMatchObject({ CERTKIT_LINEAGES: 'shop blog', RENEWED_DOMAINS: 'shop.test www.shop.test', FAILED_DOMAINS: 'blog.test' });
  for (const ofOne of ['CERTKIT_LINEAGE', 'CERTKIT_VERSION', 'CERTKIT_LIVE', 'RENEWED_LINEAGE']) expect(variables).not.toHaveProperty(ofOne);
});

test('a failure comes with its code and its words', () => {
  expect(hookVariables('failed', [blog], at)).toMatchObject({ CERTKIT_ERROR_CODE: fault.code, CERTKIT_ERROR: fault.message, FAILED_DOMAINS: 'blog.test' });
});

test('what no variable can hold is left out of it', () => {
  expect(hookVariables('failed', [{ ...blog, fault: { ...fault, message: 'it said \0' } }], at)).toMatchObject({ CERTKIT_ERROR: 'it said ' });
});

test('a version that is only obtained is not what certbot means: its link still leads to the earlier one', () => {
  expect(hookVariables('renewed', [{ ...shop, outcome: 'renewed' }], at)).not.toHaveProperty('RENEWED_LINEAGE');
});

test('a list that is longer than the kernel takes is in the document alone', () => {
  const many: readonly HookSubject[] = Array.from({ length: 10_000 }, (_, number) => ({ name: `site-${number}`, names: [`www.site-${number}.example.com`] }));
  const variables = hookVariables('pre', many, at);
  expect(variables).toMatchObject({ CERTKIT_EVENT: 'pre' });
  expect(variables).not.toHaveProperty('CERTKIT_NAMES');
  expect(JSON.parse(hookDocument('pre', many, at)).lineages).toHaveLength(10_000);
});

test('the document has a number for its form, and a line of its own', () => {
  const document = hookDocument('failed', [blog], at);
  expect(JSON.parse(document)).toEqual({
    schema: 1,
    event: 'failed',
    attempt: 2,
    home,
    lineages: [{ name: 'blog', names: ['blog.test'], outcome: 'failed', live: `${home}/live/blog`, error: fault }],
  });
  expect(document).toMatch(/^[^\n]+\n$/);
});
